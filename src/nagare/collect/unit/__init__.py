"""systemd units that failed or restart, and an event when one fails or comes back."""
