"""Pulling exporters: which targets there are, when each is read, and what is stored of it."""
