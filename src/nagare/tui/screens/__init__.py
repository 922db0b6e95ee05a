"""One screen a file, named after what it shows."""
