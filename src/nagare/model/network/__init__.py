"""The network of an installation: what depends on what, and how each of it is. Values and pure functions."""
