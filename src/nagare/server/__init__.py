"""The HTTP edge: routes, hub, problems and the composition of the rooms. Owns aiohttp.web."""
