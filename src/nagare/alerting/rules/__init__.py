"""Rules: read, asked in time, judged."""
