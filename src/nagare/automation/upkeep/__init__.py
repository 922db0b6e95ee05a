"""Looking after an installation's files: the one code behind a command line and a task."""
