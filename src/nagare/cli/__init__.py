"""Commands, one file a group: parse, call, print, exit. Owns typer; loads nothing heavy before a command runs."""
