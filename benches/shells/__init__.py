"""What the bench of shells is made of: an SSH server in a process of its own, so that its work is not the dashboard's."""
