"""Frozen value types that every room speaks of; no input or output happens here."""
