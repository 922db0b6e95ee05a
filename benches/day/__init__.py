"""A day of a fleet: how it is made, and what is asked of it."""
