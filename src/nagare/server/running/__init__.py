"""What surrounds the rooms of a running server: address, lock, TLS, announcement, cost, and deadlines of its end."""
