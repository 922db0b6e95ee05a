"""What on a host deserves a look right now, judged from its newest rows; bounds a person would name without thinking.

This is not alerting: nothing is stored, sent or acknowledged. It orders the overview and colours a cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nagare.lib.plain_text import plain
from nagare.lib.units import format_ratio
from nagare.model.host import HostState

Columns = Mapping[str, Sequence[object]]


class Level(StrEnum):
    """How a host looks: liveness first, then what its values say. The words are the palette's."""

    UP = "up"
    WARN = "warn"
    CRIT = "crit"
    STALE = "stale"
    DOWN = "down"
    UNKNOWN = "unknown"


# The order in which eyes should meet them.
URGENCY = (Level.CRIT, Level.DOWN, Level.WARN, Level.STALE, Level.UNKNOWN, Level.UP)


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing to look at: how bad, and in a few words what."""

    level: Level
    text: str


_NAME_LIMIT = 40
_TEXT_LIMIT = 120
# A fuller disk fails writes soon; the upper bounds are where programs begin to fail.
_SPACE_BOUNDS = (0.90, 0.97)
_MEMORY_BOUNDS = (0.90, 0.97)
# Half a minute's mean: a short burst on all cores is what a machine is for.
CPU_BOUND = 0.95
_PRESSURE_BOUND = 0.10


class Findings:
    """What deserves a look in the newest rows of each table of one host; a table's stands until its next rows come."""

    __slots__ = ("_by_table",)

    def __init__(self) -> None:
        """Begin with nothing found."""
        self._by_table: dict[str, list[Reason]] = {}

    def look(self, table: str, columns: Columns) -> bool:
        """Judge the newest rows of a table that is ``CHECKED``; tell whether something was found, now or before."""
        found = CHECKED[table](columns)
        if found:
            self._by_table[table] = found
            return True
        return self._by_table.pop(table, None) is not None

    def __iter__(self) -> Iterator[Reason]:
        """Yield what was found, table by table in the order of ``CHECKED``."""
        return (reason for table in CHECKED for reason in self._by_table.get(table, ()))


def gather(found: Iterable[Reason], cpu_mean: float) -> tuple[Reason, ...]:
    """Return all that deserves a look, worst first: what was ``found``, and ``cpu_mean``.

    That is the busy ratio of the last half minute, NaN if unknown.
    """
    reasons = [Reason(Level.WARN, f"cpu {format_ratio(cpu_mean)} busy")] if cpu_mean >= CPU_BOUND else []
    return tuple(sorted([*reasons, *found], key=lambda reason: URGENCY.index(reason.level)))


def level_of(state: HostState, reasons: Sequence[Reason]) -> Level:
    """Return the level of a host: silence outranks old values, they are not known to hold any more."""
    if state is not HostState.UP:
        return Level(state.value)
    return reasons[0].level if reasons else Level.UP


def _memory(columns: Columns) -> list[Reason]:
    reasons = _bounded("memory", columns.get("used_ratio", ()), [""] * 1, _MEMORY_BOUNDS)
    pressure = _first(columns, "pressure_full_ratio")
    if isinstance(pressure, float) and pressure >= _PRESSURE_BOUND:
        reasons.append(Reason(Level.WARN, f"memory stalls {format_ratio(pressure)} of the time"))
    return reasons


def _disk(columns: Columns) -> list[Reason]:
    mounts = columns.get("mount", ())
    # A read-only image is always full, and stays so.
    skip = [read_only is True for read_only in columns.get("read_only", [False] * len(mounts))]
    names = [None if skipped else mount for mount, skipped in zip(mounts, skip, strict=False)]
    return [
        *_bounded("disk", columns.get("used_ratio", ()), names, _SPACE_BOUNDS),
        *_bounded("inodes", columns.get("inodes_used_ratio", ()), names, _SPACE_BOUNDS),
    ]


def _bounded(what: str, ratios: Sequence[object], names: Sequence[object], bounds: tuple[float, float]) -> list[Reason]:
    reasons = []
    for ratio, name in zip(ratios, names, strict=False):
        if isinstance(ratio, int | float) and ratio >= bounds[0] and name is not None:
            level = Level.CRIT if ratio >= bounds[1] else Level.WARN
            label = f"{what} {plain(str(name), _NAME_LIMIT)}" if name else what
            reasons.append(Reason(level, f"{label} {format_ratio(ratio)} full"))
    return reasons


def _unit(columns: Columns) -> list[Reason]:
    rows = zip(columns.get("name", ()), columns.get("active_state", ()), strict=False)
    failed = [plain(str(name), _NAME_LIMIT) for name, state in rows if state == "failed" and name != "*"]
    return [Reason(Level.WARN, _listed("failed", failed))] if failed else []


def _agent(columns: Columns) -> list[Reason]:
    rows = zip(columns.get("collector", ()), columns.get("ok", ()), columns.get("error", ()), strict=False)
    return [
        Reason(Level.WARN, plain(f"collector {name}: {error or 'failed'}", _TEXT_LIMIT))
        for name, is_ok, error in rows
        if is_ok is False
    ]


def _smart(columns: Columns) -> list[Reason]:
    rows = zip(columns.get("device", ()), columns.get("passed", ()), strict=False)
    bad = [plain(str(device), _NAME_LIMIT) for device, passed in rows if passed is False]
    return [Reason(Level.CRIT, _listed("drive fails its own test:", bad))] if bad else []


def _probe(columns: Columns) -> list[Reason]:
    rows = zip(columns.get("target", ()), columns.get("success", ()), strict=False)
    bad = [plain(str(target), _NAME_LIMIT) for target, success in rows if success is False]
    return [Reason(Level.WARN, _listed("no answer from", bad))] if bad else []


def _listed(verb: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{verb} {', '.join(names[:2])}{more}"


def _first(columns: Columns, name: str) -> object:
    return next(iter(columns.get(name, ())), None)


CHECKED: Mapping[str, Callable[[Columns], list[Reason]]] = {
    "memory": _memory,
    "disk": _disk,
    "smart": _smart,
    "unit": _unit,
    "probe": _probe,
    "agent": _agent,
}
