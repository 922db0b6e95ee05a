"""Shells in the dashboard: how their cells are drawn, and how a login asks."""
