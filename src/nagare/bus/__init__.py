"""Streams of messages between the rooms of a server, and between servers: embedded in SQLite, or in NATS JetStream."""
