"""The begin of what a command wrote, as text: enough to see what it was about, and small enough to stand in a row."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.lib.plain_text import plain_lines
from nagare.model.command.result import StreamKept
from nagare.model.history import HEAD_LIMIT


@dataclass(frozen=True, slots=True)
class Heads:
    """Of both streams the first characters, and how many bytes there were."""

    stdout: str
    stderr: str
    stdout_bytes: int
    stderr_bytes: int


def heads_of(streams: tuple[StreamKept, StreamKept]) -> Heads:
    """Return the begin of both."""
    stdout, stderr = streams
    return Heads(_head(stdout), _head(stderr), stdout.total_bytes, stderr.total_bytes)


def streams_of_heads(heads: Heads) -> tuple[StreamKept, StreamKept]:
    """Return streams of which no more than ``heads`` is kept."""
    return _stream(heads.stdout, heads.stdout_bytes), _stream(heads.stderr, heads.stderr_bytes)


def _head(stream: StreamKept) -> str:
    # A character takes four bytes at the most. Where bytes are missing, the head alone is longer than what is wanted.
    kept = stream.head if stream.dropped_bytes else stream.head + stream.tail
    return plain_lines(kept[: 4 * HEAD_LIMIT].decode(errors="replace"))[:HEAD_LIMIT]


def _stream(text: str, total_bytes: int) -> StreamKept:
    head = text.encode()
    dropped = max(0, total_bytes - len(head)) if len(text) >= HEAD_LIMIT else 0
    return StreamKept(head, b"", total_bytes, dropped)
