"""Output of several hosts as it comes: whole lines, each behind the name of its host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nagare.cli.console.table import display_width
from nagare.client.jobs.grouping import STDERR_MARK, STDOUT_MARK
from nagare.client.jobs.pieces import Pieces
from nagare.lib.plain_text import plain

if TYPE_CHECKING:
    from nagare.wire.command_jobs import CommandView, OutputLine, StreamView

# Without red, which belongs to faults, and without black and white, which a background may have.
_COLORS = (36, 33, 35, 32, 34, 96)
_WIDEST_NAME = 32
_TAB = "    "


class LiveLines:
    """Puts pieces of output together to lines and writes them; lines of hosts interleave, pieces never do."""

    def __init__(self, hosts: Sequence[str], write: Callable[[str], None], *, has_color: bool) -> None:
        """Write lines of ``hosts`` by ``write``."""
        names = [plain(host) for host in hosts]
        self._width = min(_WIDEST_NAME, max(map(display_width, names), default=0))
        self._colors = {host: _COLORS[index % len(_COLORS)] for index, host in enumerate(hosts)} if has_color else {}
        self._write = write
        self._pieces = Pieces()
        # By host and stream: how many characters that are no space were shown.
        self._shown: dict[tuple[str, str], int] = {}

    def take(self, line: OutputLine) -> None:
        """Write the lines that end in this piece, and keep the rest of it."""
        key = (line.host, line.stream)
        self._shown[key] = self._shown.get(key, 0) + _visible(line.text)
        for text in self._pieces.take(line):
            self._put(key, text)

    def end(self, host: str) -> None:
        """Write what a host left without a line end."""
        for key, text in self._pieces.end(host):
            self._put(key, text)

    def close(self) -> None:
        """Write what all hosts left."""
        for host in self._pieces.hosts():
            self.end(host)

    def has_shown(self, command: CommandView) -> bool:
        """Tell whether all was shown that is kept of a command; a slow connection loses pieces."""
        return all(
            self._shown.get((command.host, name), 0) >= _kept(stream)
            for name, stream in (("stdout", command.stdout), ("stderr", command.stderr))
        )

    def _put(self, key: tuple[str, str], text: str) -> None:
        host, stream = key
        name = plain(host)
        space = " " * (self._width - display_width(name))
        color = self._colors.get(host)
        shown = f"\x1b[{color}m{name}\x1b[0m" if color else name
        mark = STDERR_MARK if stream == "stderr" else STDOUT_MARK
        harmless = plain(text.replace("\t", _TAB))
        self._write(f"{shown}{space} {mark} {harmless}".rstrip() + "\n")


def _kept(stream: StreamView | None) -> int:
    return 0 if stream is None else _visible(stream.text)


def _visible(text: str) -> int:
    return sum(map(len, text.split()))
