"""What the routes of foreign protocols share: how they are refused, and what is remembered of each sender."""
