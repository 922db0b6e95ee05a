"""A command: a typed action with checked arguments, what it takes to approve it, and how it ends."""
