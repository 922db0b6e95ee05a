"""Schedules: which task is made when."""
