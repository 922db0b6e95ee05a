"""Users, the roles they have, and what the two allow together."""
