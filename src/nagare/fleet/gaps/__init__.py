"""Gaps: time of a host for which nothing came in time, and why."""
