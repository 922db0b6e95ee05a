"""Jobs and what became of them, as the command line and the terminal interface tell it: pure, no connection."""
