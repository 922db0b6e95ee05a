"""How many requests a user, and an address, may send: counted in memory, or in Redis for several servers together."""
