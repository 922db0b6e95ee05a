"""Time of each core by mode, frequency, and what limits the agent's own share."""
