"""Nagare turns a terminal into an operations room."""

__version__ = "0.1.0"
