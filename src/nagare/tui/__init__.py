"""The terminal interface. Owns textual; talks to a running server through ``client`` only."""
