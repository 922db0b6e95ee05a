"""Space and inodes of each mounted file system; a network mount that hangs never holds the others up."""
