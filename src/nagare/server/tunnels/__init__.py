"""Tunnels: connections of people to the SSH of hosts that go by this server, which reads nothing of them."""
