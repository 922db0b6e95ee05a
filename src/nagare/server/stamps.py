"""The headers of every answer, whichever way it is made: what keeps browsers from guessing, keeping and running it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

STAMPS: Mapping[str, str] = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Server": "nagare",
        # Whatever is answered, no browser runs or shows anything of it as a page; a page of ours brings its own.
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    }
)
