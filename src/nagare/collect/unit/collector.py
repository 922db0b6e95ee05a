"""Columns of ``unit``: the units that need a look, and the totals in the row '*'."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.reading.files import find_text, parse_integer
from nagare.collect.reading.programs import find_program, run_program
from nagare.collect.reading.rows import Row, RowLimit, columns_of, event_row
from nagare.collect.unit.systemctl import LIST_ARGUMENTS, SHOW_ARGUMENTS, Unit, parse_properties, parse_units
from nagare.errors import UnavailableError
from nagare.model.event import Severity

# systemd answers from its one main thread: it is asked less often than the kernel.
_INTERVAL_SECONDS = 30.0
_TIMEOUT_SECONDS = 4.0
# A unit that was bad keeps its row for so long after it came back, so that its recovery is seen.
_REMEMBER_SECONDS = 600.0
UNIT_LIMIT = 200

Properties = Mapping[str, str]


class UnitCollector:
    """Asks systemd for its units and notices those that fail and those that come back."""

    name: ClassVar[str] = "unit"
    interval_seconds: ClassVar[float | None] = _INTERVAL_SECONDS
    is_slow: ClassVar[bool] = True

    def __init__(self, root: Root, *, places: str | None = None) -> None:
        """Ask nothing yet; ``places`` replaces the path on which systemctl is looked for."""
        self._root = root
        self._places = places
        self._last_bad: dict[str, float] = {}
        self._failed: frozenset[str] = frozenset()
        self._limit = RowLimit("unit", UNIT_LIMIT)

    def collect(self, tick: Tick) -> Tables:
        """Return the totals, one row a unit that is or was bad, and events for failures and recoveries.

        A unit that had failed before the first call is told too: the id of its event names the moment it failed, so
        that a second telling is known as such.
        """
        systemctl = self._find_systemctl()
        units = {unit.name: unit for unit in parse_units(self._ask(systemctl, *LIST_ARGUMENTS))}
        self._remember(units, tick.monotonic)
        names = self._limit.cut(list(self._last_bad))
        properties = parse_properties(self._ask(systemctl, *SHOW_ARGUMENTS, *names)) if names else {}
        rows = [_totals(units.values()), *(_row(units[name], properties.get(name, {})) for name in names)]
        events = self._changes(units, names, properties)
        tables = {"unit": columns_of(rows)}
        return tables | {"events": columns_of(events)} if events else tables

    def close(self) -> None:
        """Hold nothing, so give nothing back."""

    def _find_systemctl(self) -> str:
        if not (self._root.run / "systemd" / "system").is_dir():
            raise AbsentError("cannot read units: this machine was not started by systemd")
        systemctl = find_program("systemctl", self._places)
        if systemctl is None:
            raise AbsentError("cannot read units: systemctl is not installed")
        return systemctl

    def _ask(self, *argv: str) -> bytes:
        outcome = run_program(argv, _TIMEOUT_SECONDS)
        if outcome.code != 0 and not outcome.output:
            raise UnavailableError(f"cannot ask systemd: systemctl {argv[1]} ended with {outcome.code}")
        return outcome.output

    def _remember(self, units: Mapping[str, Unit], now: float) -> None:
        for unit in units.values():
            if unit.is_bad:
                self._last_bad[unit.name] = now
        self._last_bad = {
            name: at for name, at in self._last_bad.items() if name in units and now - at <= _REMEMBER_SECONDS
        }

    def _changes(
        self, units: Mapping[str, Unit], names: Iterable[str], properties: Mapping[str, Properties]
    ) -> list[Row]:
        failed = frozenset(name for name in names if units[name].active == "failed")
        boot_id = find_text(self._root.proc / "sys" / "kernel" / "random" / "boot_id", 64) or "unknown"
        recovered = sorted(name for name in self._failed - failed if name in units)
        events = [
            *(_event("unit.failed", boot_id, units[name], properties) for name in sorted(failed - self._failed)),
            *(_event("unit.recovered", boot_id, units[name], properties) for name in recovered),
        ]
        self._failed = failed
        return events


def _totals(units: Iterable[Unit]) -> Row:
    states = [unit.active for unit in units]
    return {
        "name": "*",
        "load_state": None,
        "active_state": None,
        "sub_state": None,
        "result": None,
        "restarts_total": None,
        "failed": states.count("failed"),
        "active": states.count("active"),
    }


def _row(unit: Unit, properties: Properties) -> Row:
    return {
        "name": unit.name,
        "load_state": unit.load,
        "active_state": unit.active,
        "sub_state": unit.sub,
        "result": properties.get("Result") or None,
        "restarts_total": parse_integer(properties.get("NRestarts", "")),
        "failed": int(unit.active == "failed"),
        "active": int(unit.active == "active"),
    }


def _event(kind: str, boot_id: str, unit: Unit, properties: Mapping[str, Properties]) -> Row:
    known = properties.get(unit.name, {})
    changed, result = known.get("StateChangeTimestampMonotonic", ""), known.get("Result", "")
    if kind == "unit.failed":
        severity, text = Severity.HIGH, f"unit {unit.name} failed" + (f": {result}" if result else "")
    else:
        severity, text = Severity.INFO, f"unit {unit.name} is {unit.active} again"
    attributes = {"unit": unit.name, "active_state": unit.active, "sub_state": unit.sub, "result": result}
    return event_row(kind, f"{boot_id}:{changed}:{unit.name}", severity, text, attributes)
