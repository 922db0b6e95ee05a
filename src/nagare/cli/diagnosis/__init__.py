"""``nagare diagnose`` and the forms in which it tells."""
