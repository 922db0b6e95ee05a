"""The typed client of the server, HTTP and WebSocket, that cli, tui and agent share."""
