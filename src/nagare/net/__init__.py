"""Outbound network: sessions with deadlines and caps, certificate pins, zeroconf. Owns the client of aiohttp."""
