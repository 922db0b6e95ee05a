"""Reads the parts of a file of notifications."""
