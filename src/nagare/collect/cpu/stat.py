"""Reads ``/proc/stat``: pure functions from its text to counters and ratios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from nagare.collect.reading.files import parse_integer

# user nice system idle iowait irq softirq steal guest guest_nice; old kernels tell fewer.
_FIELDS = 10


class CoreTimes(NamedTuple):
    """Ticks of one core since boot. The kernel counts a guest's time in user (or nice) too; here it is taken out."""

    user: int
    nice: int
    system: int
    idle: int
    iowait: int
    irq: int
    softirq: int
    steal: int
    guest: int

    @property
    def busy(self) -> int:
        """Ticks in which the core had something to do."""
        return self.user + self.nice + self.system + self.irq + self.softirq + self.steal + self.guest


@dataclass(frozen=True, slots=True)
class Stat:
    """What ``/proc/stat`` tells; a missing line is None."""

    cores: Mapping[str, CoreTimes]
    context_switches: int | None
    interrupts: int | None
    boot_time: int | None
    running: int | None
    blocked: int | None


def parse_stat(text: bytes) -> Stat:
    """Return the counters; the line of the whole machine is core 'all'. Lines that do not parse are left out."""
    cores: dict[str, CoreTimes] = {}
    totals: dict[bytes, int] = {}
    for line in text.split(b"\n"):
        if line.startswith(b"cpu"):
            _add_core(cores, line)
        else:
            name, _, rest = line.partition(b" ")
            number = parse_integer(rest.split(b" ", 1)[0])
            if number is not None:
                totals[name] = number
    return Stat(
        cores, totals.get(b"ctxt"), totals.get(b"intr"), totals.get(b"btime"),
        totals.get(b"procs_running"), totals.get(b"procs_blocked"),
    )  # fmt: skip


def _add_core(cores: dict[str, CoreTimes], line: bytes) -> None:
    name, *fields = line.split()
    number = name[3:]
    if number and not number.isdigit():
        return
    try:
        ticks = [int(field) for field in fields[:_FIELDS]]
    except ValueError:
        return
    if len(ticks) < 4 or min(ticks) < 0:
        return
    user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice = ticks + [0] * (_FIELDS - len(ticks))
    cores[number.decode() or "all"] = CoreTimes(
        max(0, user - guest), max(0, nice - guest_nice), system, idle, iowait, irq, softirq, steal, guest + guest_nice
    )


def mode_ratios(new: CoreTimes, old: CoreTimes | None) -> list[float] | None:
    """Return the share of each mode since ``old``, in the order of CoreTimes; None when no tick passed.

    The kernel lets iowait and idle go back a little: such a mode counts as zero, and the others still sum to 1.
    """
    if old is None:
        return None
    rises = [max(0, after - before) for after, before in zip(new, old, strict=True)]
    total = sum(rises)
    return [part / total for part in rises] if total else None
