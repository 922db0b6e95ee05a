"""Logging in by an OpenID provider: the code flow of browsers, the device flow of terminals, and whose login it is."""
