"""The bus inside the server's process: streams and consumers in one SQLite database, written by one thread."""
