"""Puts pieces of output together to whole lines, host by host and stream by stream, however they were cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nagare.wire.command_jobs import OutputLine

# By host and stream.
Key = tuple[str, str]
# A program that writes no line ends must not make us keep all of it.
_LINE_LIMIT = 8192


class Pieces:
    """What came without its line end yet."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._open: dict[Key, str] = {}

    def take(self, line: OutputLine) -> list[str]:
        """Return the lines that end in this piece, and hold the rest of it."""
        key = (line.host, line.stream)
        *whole, rest = (self._open.pop(key, "") + line.text).replace("\r\n", "\n").split("\n")
        if len(rest) > _LINE_LIMIT:
            return [*whole, rest]
        if rest:
            self._open[key] = rest
        return whole

    def end(self, host: str) -> list[tuple[Key, str]]:
        """Return what a host left without a line end, and hold it no more."""
        return [(key, self._open.pop(key)) for key in [key for key in self._open if key[0] == host]]

    def hosts(self) -> list[str]:
        """Return the hosts of which something is held."""
        return list(dict.fromkeys(host for host, _ in self._open))
