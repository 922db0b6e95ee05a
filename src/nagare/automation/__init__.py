"""Work that the server does by itself: tasks, the workers that do them, and schedules."""
