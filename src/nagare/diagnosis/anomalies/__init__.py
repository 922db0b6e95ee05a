"""Scores of the fleet's own series as their rows come in, and the rows that they leave in the table ``anomalies``."""
