"""Passwords: what a good one is, how they are kept, and how guessing is slowed down."""
