"""The Numenta Anomaly Benchmark: its scoring rules, and series of our own making to hold against it."""
