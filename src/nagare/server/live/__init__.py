"""What the hub works with: outboxes, subscriptions, and what of a batch is worth showing."""
