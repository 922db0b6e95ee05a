"""Hosts: registration, labels, liveness."""
