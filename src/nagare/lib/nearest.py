"""The known name that a mistyped one probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# The comparison is quadratic in the length, and what is longer than this is no typing mistake.
_LENGTH_LIMIT = 100


def find_nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the nearest of ``known``, or None when nothing is near."""
    if len(name) > _LENGTH_LIMIT:
        return None
    by_folded = {candidate.casefold(): candidate for candidate in known}
    matches = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence for a hint, empty when nothing is near."""
    nearest = find_nearest(name, known)
    return f"did you mean {nearest!r}?" if nearest else ""
