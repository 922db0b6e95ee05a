"""Alerts: their life, where they are kept, and what is said of them."""
