"""What runs in worker processes, a module for each kind of task."""
