"""Alerts that foreign systems tell of."""
