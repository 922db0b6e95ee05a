"""What the commands of one job wrote, host by host, as it comes: bounded, and harmless to a terminal.

Live lines are kept while a job runs; when it has ended, what the server keeps takes their place, and is the truth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nagare.client.jobs.grouping import STDERR_MARK, STDOUT_MARK, Group, group_lines, output_lines
from nagare.client.jobs.pieces import Pieces
from nagare.client.jobs.results import result_of
from nagare.lib.plain_text import plain

if TYPE_CHECKING:
    from nagare.wire.command_jobs import CommandView, OutputLine

# Of all hosts of a job together, and of one host at the least: a person scrolls through far less.
_ALL_LINES, _LEAST_LINES, _MOST_LINES = 200_000, 200, 20_000
_LINE_CHARACTERS = 2000
_TAB = "    "


class Scrollback:
    """The newest lines of one host; ``dropped`` counts those that went."""

    def __init__(self, limit: int) -> None:
        """Keep ``limit`` lines at the most."""
        self._lines: deque[str] = deque(maxlen=limit)
        self.dropped = 0

    def append(self, line: str) -> None:
        """Keep a line, and let the oldest go when there are too many."""
        if len(self._lines) == self._lines.maxlen:
            self.dropped += 1
        self._lines.append(line)

    def lines(self) -> list[str]:
        """Return what is kept, and in front how much is not."""
        note = [f"… {self.dropped} earlier lines are not kept here"] if self.dropped else []
        return [*note, *self._lines]


class JobOutput:
    """The output of the hosts of one job."""

    def __init__(self, hosts: int = 1) -> None:
        """Share the room among ``hosts``."""
        self._limit = max(_LEAST_LINES, min(_MOST_LINES, _ALL_LINES // max(1, hosts)))
        self._kept: dict[str, Scrollback] = {}
        self._final: dict[str, list[str]] = {}
        self._pieces = Pieces()

    def take(self, line: OutputLine) -> None:
        """Keep the lines that end in this piece."""
        for text in self._pieces.take(line):
            self._put(line.host, line.stream, text)

    def end(self, host: str) -> None:
        """Keep what a host left without a line end."""
        for (_, stream), text in self._pieces.end(host):
            self._put(host, stream, text)

    def settle(self, command: CommandView) -> None:
        """Let what the server keeps of an ended command stand for what came live."""
        if command.stdout is not None or command.stderr is not None:
            self._final[command.host] = list(output_lines(command))
            self._kept.pop(command.host, None)

    def lines(self, host: str) -> list[str]:
        """Return the lines of ``host``, each behind the mark of its stream."""
        final = self._final.get(host)
        if final is not None:
            return final
        kept = self._kept.get(host)
        return kept.lines() if kept else []

    def groups(self, commands: Sequence[CommandView]) -> list[Group]:
        """Return ``commands`` as groups of hosts that stand alike and wrote the same, the largest first."""
        return group_lines(self._grouped(commands))

    def _grouped(self, commands: Sequence[CommandView]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        for command in commands:
            yield command.host, result_of(command), tuple(self.lines(command.host))

    def _put(self, host: str, stream: str, text: str) -> None:
        kept = self._kept.setdefault(host, Scrollback(self._limit))
        mark = STDERR_MARK if stream == "stderr" else STDOUT_MARK
        kept.append(f"{mark} {plain(text.replace(chr(9), _TAB), _LINE_CHARACTERS)}".rstrip())
