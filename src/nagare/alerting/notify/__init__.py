"""Telling people: incidents, notices and their deliveries."""
