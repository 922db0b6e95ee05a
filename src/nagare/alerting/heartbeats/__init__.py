"""Signs of life: those that others owe us, and the one that we send."""
