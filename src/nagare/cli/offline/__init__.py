"""Commands that may open an installation's files directly while no server holds its lock."""
