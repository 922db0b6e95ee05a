"""What stands in each line of a table, so that only lines that are other are drawn again: to a terminal, each costs a write."""

from __future__ import annotations

from collections.abc import Iterable

_UNKNOWN = object()


class DrawnLines:
    """By line of the viewport what it was made of when it was drawn last."""

    def __init__(self) -> None:
        """Begin with nothing drawn."""
        self._lines: dict[int, object] = {}

    def drew(self, line: int, basis: object) -> None:
        """Take in that a line was drawn, made of ``basis``."""
        self._lines[line] = basis

    def other(self, wanted: Iterable[tuple[int, object]]) -> list[int]:
        """Return the lines that are made of something else than was drawn, or that were never drawn."""
        return [line for line, basis in wanted if self._lines.get(line, _UNKNOWN) != basis]
