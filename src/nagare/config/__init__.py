"""One frozen Settings with the origin of every value: the only room that reads the environment."""
