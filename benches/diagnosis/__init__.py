"""Faults for diagnoses to find: machines whose trees a fault changes, read by the collectors themselves. Knows nothing of the engine."""
