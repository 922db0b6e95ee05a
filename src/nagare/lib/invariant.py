"""States what must hold, in words, where the code relies on it."""

from __future__ import annotations

from nagare.errors import InvariantError


def invariant(holds: bool, message: str) -> None:  # noqa: FBT001  an assertion reads best with its condition first
    """Raise InvariantError with ``message`` (what must hold and what was seen) unless ``holds``."""
    if not holds:
        raise InvariantError(f"BUG: {message}")
