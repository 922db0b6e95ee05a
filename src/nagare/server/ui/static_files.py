"""The files that pages of ours load: a closed list, read once. Scripts and styles of others are there whole and unchanged."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

MEDIA: Mapping[str, str] = MappingProxyType(
    {
        "addon-fit.js": "text/javascript",
        "icon.svg": "image/svg+xml",
        "landing.js": "text/javascript",
        "room.js": "text/javascript",
        "ui.css": "text/css",
        "xterm.LICENSE.txt": "text/plain",
        "xterm.css": "text/css",
        "xterm.js": "text/javascript",
    }
)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent, and the same packed."""

    content: bytes
    packed: bytes
    media: str


@cache
def static_file(name: str) -> StaticFile | None:
    """Return the file of that name if it is one of ours; blocking the first time, when it is read."""
    if name not in MEDIA:
        return None
    content = (files("nagare.server.ui") / "static" / name).read_bytes()
    return StaticFile(content, gzip.compress(content, mtime=0), MEDIA[name])
