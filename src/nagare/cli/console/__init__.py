"""What every command shares: the lazy table of commands, the global options, output formats, and the words on stderr."""
