"""Diagnoses as screen 7 shows them: rows of lists, the answer as text, and where each piece of evidence leads."""
