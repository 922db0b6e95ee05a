"""What a diagnosis is made of: evidence, hypotheses, and what was struck out. Frozen values, pure."""
