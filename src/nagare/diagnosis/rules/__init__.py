"""Rules: from what tools saw to possible causes. Pure functions; each says what speaks for a cause and what against it."""
