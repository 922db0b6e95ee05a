"""Turns a risen count of kills for want of memory into an event that names the victim where the kernel log tells.

The kernel log is opened at its end when the agent starts and read only when the count rises: it costs nothing else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nagare.collect.reading.rows import Row, clean_text, event_row
from nagare.model.event import Severity

# A flood of kernel messages must not keep the collector busy: beyond this the victim stays unknown.
_RECORD_LIMIT = 5000
_RECORD_BYTES = 8192
_KILLED = re.compile(rb"[Oo]ut of memory: Killed process (\d+) \((.*?)\)(?: total-vm:.*?anon-rss:(\d+)kB|,|\s*$)")


@dataclass(frozen=True, slots=True)
class Victim:
    """A process that the kernel killed."""

    pid: str
    name: str
    anonymous_bytes: int | None


def parse_victims(records: Iterable[bytes]) -> list[Victim]:
    """Return the victims that kernel log records name, oldest first."""
    matches = (_KILLED.search(record) for record in records)
    return [
        Victim(match[1].decode(), clean_text(match[2], 64), int(match[3][:15]) * 1024 if match[3] else None)
        for match in matches
        if match
    ]


def kill_event(boot_id: str, total: int, rise: int, victims: list[Victim]) -> Row:
    """Return the ``events`` row; boot and total make its id, so that the same kills are told once."""
    attributes = {"count": str(rise), "total": str(total)}
    if victims:
        attributes["pid"] = ",".join(victim.pid for victim in victims)
        attributes["process"] = ",".join(victim.name for victim in victims)
        sizes = [victim.anonymous_bytes for victim in victims if victim.anonymous_bytes is not None]
        if sizes:
            attributes["memory_bytes"] = str(sum(sizes))
    if len(victims) == 1 and rise == 1:
        text = f"the kernel killed {victims[0].name} (pid {victims[0].pid}) for want of memory"
    else:
        text = f"the kernel killed {rise} process{'' if rise == 1 else 'es'} for want of memory"
    return event_row("kernel.oom_kill", f"{boot_id}:{total}", Severity.HIGH, text, attributes)


class KernelLog:
    """The records of the kernel log since the last look; empty where reading it is not permitted."""

    def __init__(self, path: Path) -> None:
        """Open at the end; a refusal is remembered, not raised."""
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._fd, 0, os.SEEK_END)
        except OSError:
            self.close()

    def read(self) -> list[bytes]:
        """Return the records since the last call, at most _RECORD_LIMIT."""
        records: list[bytes] = []
        while self._fd >= 0 and len(records) < _RECORD_LIMIT:
            try:
                text = os.read(self._fd, _RECORD_BYTES)
            except BrokenPipeError:
                continue  # records were overwritten before we read them; the next read begins at the oldest left
            except OSError:
                break
            if not text:
                break
            records.extend(text.split(b"\n"))
        return records

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
