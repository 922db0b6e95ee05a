"""Maintenance windows: who works on which hosts, and when."""
