"""Silences: who asked for which, and when they end."""
