"""Output of many hosts, told once where it is equal; what differs a little is shown as the difference."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nagare.client.jobs.host_names import name_hosts
from nagare.client.jobs.results import result_of
from nagare.lib.plain_text import plain_lines

if TYPE_CHECKING:
    from nagare.wire.command_jobs import CommandView, StreamView

STDOUT_MARK, STDERR_MARK = "|", "!"
# Shorter output is read faster as it stands than as a difference; comparing longer output takes too long.
_SHORTEST_COMPARED, _LONGEST_COMPARED = 6, 2000
# More groups than this are not small differences of one answer, and comparing each would take long.
_COMPARED_GROUPS = 50
_RULE = "──"


@dataclass(frozen=True, slots=True)
class Group:
    """Hosts that ended alike and wrote the same."""

    hosts: tuple[str, ...]
    result: str
    lines: tuple[str, ...]


def group_outputs(commands: Iterable[CommandView]) -> list[Group]:
    """Return ``commands`` as groups, the largest first; hosts keep their order, and each is in one group."""
    return group_lines((command.host, result_of(command), output_lines(command)) for command in commands)


def group_lines(outputs: Iterable[tuple[str, str, tuple[str, ...]]]) -> list[Group]:
    """Like ``group_outputs``, of hosts with their results and lines."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for host, result, lines in outputs:
        alike.setdefault((result, lines), []).append(host)
    groups = [Group(tuple(hosts), result, lines) for (result, lines), hosts in alike.items()]
    return sorted(groups, key=lambda group: -len(group.hosts))


def output_lines(command: CommandView) -> tuple[str, ...]:
    """Return what a command wrote, each line behind the mark of its stream, harmless to a terminal."""
    return (*_marked(command.stdout, STDOUT_MARK), *_marked(command.stderr, STDERR_MARK))


def format_groups(groups: Sequence[Group], name: Callable[[Sequence[str]], str] = name_hosts) -> Iterator[str]:
    """Yield each group below a heading: the first one in full, a later one as what differs where that is shorter.

    ``name`` tells the hosts of a heading.
    """
    for number, group in enumerate(groups):
        heading = f"{_RULE} {name(group.hosts)}: {group.result}"
        difference = _difference(groups[0], group) if 0 < number < _COMPARED_GROUPS else None
        if difference is not None:
            yield f"{heading}; it differs from {groups[0].hosts[0]}:"
            yield from difference
        else:
            yield heading if group.lines else f"{heading}, no output"
            yield from group.lines


def _difference(first: Group, other: Group) -> list[str] | None:
    """Return the lines that differ when they are few, else None."""
    longest = max(len(first.lines), len(other.lines))
    if not first.lines or len(other.lines) < _SHORTEST_COMPARED or longest > _LONGEST_COMPARED:
        return None
    # Behind the names of the files, which are none here, and without the places of the lines.
    lines = [
        line
        for line in list(difflib.unified_diff(first.lines, other.lines, n=0, lineterm=""))[2:]
        if not line.startswith("@@")
    ]
    return lines if 2 * len(lines) <= len(other.lines) else None


def _marked(stream: StreamView | None, mark: str) -> Iterator[str]:
    if stream is not None and stream.text:
        for line in plain_lines(stream.text).split("\n"):
            yield f"{mark} {line}".rstrip()
