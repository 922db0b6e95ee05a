"""A shell on a host in this terminal: what is typed goes there, what comes is shown."""
