"""Messages between agent, server and client: typed, versioned, and the only room that knows msgspec."""
