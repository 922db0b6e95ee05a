"""How long a text is in the units in which a provider counts, and cutting it to that. Pure."""

from __future__ import annotations

from collections.abc import Callable

from nagare.wire.codec import encode

# A count that adds up: that of two texts together is the sum of both.
Size = Callable[[str], int]
_MARK = "…"


def utf16_units(text: str) -> int:
    """Return how many UTF-16 code units ``text`` is, in which Telegram counts."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


def json_bytes(text: str) -> int:
    """Return how many bytes ``text`` is within a JSON document, without the quotes; never fewer than in UTF-8."""
    return len(encode(text)) - 2


def cut(text: str, limit: int, size: Size = len) -> str:
    """Return ``text``, cut at a character and with a mark where it is more than ``limit``."""
    if size(text) <= limit:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if size(text[:middle] + _MARK) <= limit:
            low = middle
        else:
            high = middle - 1
    kept = text[:low].rstrip() + _MARK
    return kept if size(kept) <= limit else ""
