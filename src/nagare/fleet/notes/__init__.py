"""Notes: what people write down about a host."""
