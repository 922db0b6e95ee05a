"""One file a source: each collector reads the machine and returns columns for the tables of ``model.tables``."""
