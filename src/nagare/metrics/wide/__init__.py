"""Foreign tables that keep their shape: what the line protocol brings."""
