"""What is accepted before it is in blocks: checks, the log and its one writer, the names of what was stored, replay."""
