"""Runs commands of the server on this host: only what is signed, approved, allowed by the host's own policy, and once."""
