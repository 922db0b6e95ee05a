"""Actions as files: those that come with the package and those of the user."""
