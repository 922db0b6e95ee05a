"""Regions of screens that own state and events."""
