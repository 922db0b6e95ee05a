"""Reads ``/proc/PID/stat`` and its neighbours: pure functions over bytes, without regular expressions.

They run for every process of the machine at every tick, so they take only what is needed.
"""

from __future__ import annotations

from typing import NamedTuple


class ProcessStat(NamedTuple):
    """What is needed of one ``stat``; times in ticks, memory in pages."""

    name: bytes
    state: bytes
    cpu_ticks: int
    threads: int
    started_ticks: int
    resident_pages: int


def parse_process_stat(text: bytes) -> ProcessStat | None:
    """Return the fields, or None when the text is not a ``stat``.

    The name may hold blanks, parentheses and line ends, so the last parenthesis ends it.
    """
    end = text.rfind(b")")
    fields = text[end + 2 :].split(b" ", 22)
    if end < 0 or len(fields) < 22:
        return None
    try:
        return ProcessStat(
            text[text.find(b"(") + 1 : end],
            fields[0],
            int(fields[11]) + int(fields[12]),
            int(fields[17]),
            int(fields[19]),
            int(fields[21]),
        )
    except ValueError:
        return None


def parse_io(text: bytes) -> tuple[int, int] | None:
    """Return (read, written) bytes at the storage layer of a ``/proc/PID/io``, or None."""
    read_at = text.find(b"\nread_bytes: ")
    written_at = text.find(b"\nwrite_bytes: ")
    if read_at < 0 or written_at < 0:
        return None
    try:
        return int(text[read_at + 13 : text.find(b"\n", read_at + 13)]), int(text[written_at + 14 :].split(b"\n", 1)[0])
    except ValueError:
        return None
