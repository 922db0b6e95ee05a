"""The seam between what reads the machine and what schedules it.

A collector is built once, keeps only what it needs to turn counters into rates, and is called by one thread at a time.
It may block: the agent runs it off the loop, times it out and counts its faults. It never raises for a single source
that vanished between listing and reading (a process that ended, a disk pulled out): it leaves that row out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from nagare.errors import NagareError
from nagare.model.columns import Columns

Tables = Mapping[str, Columns]


class AbsentError(NagareError):
    """What the collector reads does not exist on this machine: it is asked again rarely and costs nothing until then."""

    code = "source-absent"


@dataclass(frozen=True, slots=True)
class Root:
    """Where the machine's trees are; captured trees of other machines serve as test data."""

    proc: Path = field(default=Path("/proc"))
    sys: Path = field(default=Path("/sys"))
    etc: Path = field(default=Path("/etc"))
    run: Path = field(default=Path("/run"))


@dataclass(frozen=True, slots=True)
class Tick:
    """The moment of one collection: Unix milliseconds, and monotonic seconds for rates."""

    now_ms: int
    monotonic: float


class Collector(Protocol):
    """Reads one source. ``collect`` returns table name -> columns, without ``ts`` and ``host``, which the agent adds.

    The first call may lack rates (null): there is no interval yet. Rows for ``events`` are told once.
    """

    name: ClassVar[str]
    # Seconds between collections, unless configured: the default of the agent when None.
    interval_seconds: ClassVar[float | None]
    # True for what waits on other programs or the network: it gets a thread of its own.
    is_slow: ClassVar[bool]

    def collect(self, tick: Tick) -> Tables:
        """Read the source once. Raises AbsentError when it does not exist here."""
        ...

    def close(self) -> None:
        """Give back what the collector holds."""
        ...
