"""What draws and holds no state."""
