"""What ``nagare tasks`` and ``nagare schedules`` share."""
