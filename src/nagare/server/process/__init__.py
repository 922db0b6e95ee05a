"""The process around the rooms: its address, lock, TLS, announcement, cost and the deadlines of its end."""
