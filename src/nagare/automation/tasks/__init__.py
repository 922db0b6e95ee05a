"""Tasks: asked for, run, retried, cancelled, and told truly."""
