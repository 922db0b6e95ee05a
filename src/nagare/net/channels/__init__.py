"""Ways out to people: each sends one delivery, within its own deadline, and says what came of it without its secrets."""
