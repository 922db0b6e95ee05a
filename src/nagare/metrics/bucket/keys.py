"""Where things stand in a bucket: blocks and series as below ``metrics/``, so that any tool can read them there."""

from __future__ import annotations

BLOCKS = "blocks"
SERIES = "series"
CATALOG = "catalog.db"
OWNER = "owner.json"


def block_key(path: str) -> str:
    """Return the key of the block of that path below ``metrics/``."""
    return f"{BLOCKS}/{path}"


def block_path(key: str) -> str:
    """Return the path of the block with that key."""
    return key.removeprefix(f"{BLOCKS}/")
