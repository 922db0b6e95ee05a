"""The history of the records tables, oldest first; a released revision never changes."""
