"""Our own words in ASCII: for terminals and fonts that have nothing else. Foreign letters become question marks."""

from __future__ import annotations

_WORDS = str.maketrans(
    {"·": "-", "…": "~", "–": "-", "—": "-", "▸": ">", "‹": "<", "›": ">", "←": "<-", "→": "->", "⇧": "S-", "µ": "u",
     "°": "", "↑": "Up", "↓": "Dn"}
)  # fmt: skip


def to_ascii(text: str) -> str:
    """Return ``text`` with nothing but ASCII."""
    return text if text.isascii() else text.translate(_WORDS).encode("ascii", "replace").decode()
