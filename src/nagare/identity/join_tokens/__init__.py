"""Tokens with which machines join: short-lived, for a few uses, good for nothing else."""
