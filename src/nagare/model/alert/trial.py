"""Tests of rules as files write them: rows of tables over time, and which alerts there are at which moment. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nagare.errors import InputError
from nagare.model.alert.alert import ACTIVE, Alert, AlertState
from nagare.model.alert.notation import VALUES_LIMIT, Value, parse_series
from nagare.model.event import Severity
from nagare.model.fields import Faults, Fields
from nagare.model.tables import TABLES, ColumnKind, ColumnType

_DAY = 86_400.0
_PLACES = ("table", "host", "from", "every")
_STATES = [state.value for state in AlertState]
_SEVERITIES = [level.name.lower() for level in Severity]
# Said of an alert beside its labels.
_TOLD = ("state", "severity", "value", "annotations")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table and host: a row every ``every_seconds`` from ``from_seconds`` on, but where every value is missing."""

    table: str
    host: str
    from_seconds: float
    every_seconds: float
    columns: Mapping[str, Sequence[Value]]

    @property
    def count(self) -> int:
        """The number of moments."""
        return max(map(len, self.columns.values()), default=0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An alert that is to be there; what is not said of it may be anything, but that it is active unless ``state`` is said."""

    labels: Mapping[str, str]
    state: str = ""
    severity: str = ""
    value: float | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    def is_met(self, alert: Alert) -> bool:
        """Tell whether ``alert`` is such a one."""
        return (
            self.is_about(alert)
            and (alert.state.value == self.state if self.state else alert.state in ACTIVE)
            and self.severity in ("", alert.severity.name.lower())
            and (
                self.value is None or (alert.value is not None and math.isclose(alert.value, self.value, rel_tol=1e-9))
            )
            and all(alert.annotations.get(name) == text for name, text in self.annotations.items())
        )

    def is_about(self, alert: Alert) -> bool:
        """Tell whether ``alert`` has the labels."""
        return all(alert.labels.get(name, "") == text for name, text in self.labels.items())

    def __str__(self) -> str:
        """Return it for a person."""
        told = {"state": self.state or "active", "severity": self.severity, "value": self.value, **self.labels}
        told |= self.annotations
        return ", ".join(f"{name} {value}" for name, value in told.items() if value not in ("", None))


@dataclass(frozen=True, slots=True)
class Expectation:
    """All alerts that are pending or active at one moment, in seconds from the begin; resolved ones may be named too."""

    at_seconds: float
    alerts: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One test of one rule."""

    rule: str
    name: str
    rows: tuple[Rows, ...]
    expectations: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True)
class TrialFile:
    """What one file of tests holds; ``files`` are the rule files that it tests, as paths from its own folder."""

    files: tuple[str, ...]
    trials: tuple[Trial, ...]


def parse_trials(tables: Mapping[str, Any], what: str) -> TrialFile:
    """Return the tests in a file named ``what``. Raises InputError with a pointer at every fault."""
    faults = Faults(f"tests of {what}")
    fields = Fields(tables, "", faults)
    found = TrialFile(fields.texts("rules"), tuple(_trial(one) for one in fields.tables("test")))
    fields.finish()
    if not found.trials:
        faults.add("test", "there is none: write [[test]]")
    faults.refuse()
    return found


def differences(wanted: Sequence[Wanted], alerts: Sequence[Alert]) -> list[str]:
    """Return what differs between the alerts that are to be there and those that are."""
    left, found = list(alerts), list[str]()
    for one in wanted:
        met = next((alert for alert in left if one.is_met(alert)), None)
        if met is not None:
            left.remove(met)
            continue
        near = next((alert for alert in left if one.is_about(alert)), None)
        found.append(f"there is no alert with {one}" + (f"; there is {told(near)}" if near else ""))
        if near is not None:
            left.remove(near)
    # What is over need not be expected.
    found += [
        f"there is {told(alert)}, which is not expected" for alert in left if alert.state is not AlertState.RESOLVED
    ]
    return found


def told(alert: Alert) -> str:
    """Return an alert for a person."""
    labels = {name: text for name, text in alert.labels.items() if name not in ("alertname", "severity")}
    value = "" if alert.value is None else f", value {alert.value:g}"
    about = "".join(f", {name} {text}" for name, text in labels.items())
    return f"state {alert.state.value}, severity {alert.severity.name.lower()}{value}{about}"


def _trial(fields: Fields) -> Trial:
    found = Trial(
        fields.text("rule"),
        fields.text("name", ""),
        tuple(_rows(one) for one in fields.tables("rows")),
        tuple(_expectation(one) for one in fields.tables("expect")),
    )
    if not found.expectations:
        fields.fault("expect", "there is none: write [[test.expect]]")
    fields.finish()
    return found


def _expectation(fields: Fields) -> Expectation:
    at = fields.seconds("at", None, 0.0, 31 * _DAY)
    given = fields.raw("alerts")
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        fields.fault("alerts", "must be a list of tables, empty for no alert")
        given = []
    found = Expectation(at, tuple(_wanted(fields, place, one) for place, one in enumerate(given)))
    fields.finish()
    return found


def _wanted(fields: Fields, place: int, given: Mapping[str, Any]) -> Wanted:
    one = Fields(given, fields.place_of(f"alerts.{place}"), fields.faults)
    state, severity, value = one.text("state", ""), one.text("severity", ""), one.raw("value")
    for key, text, known in (("state", state, _STATES), ("severity", severity, _SEVERITIES)):
        if text and text not in known:
            one.fault(key, f"must be one of {', '.join(known)}")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        one.fault("value", "must be a number")
        value = None
    annotations = {name: str(text) for name, text in one.table("annotations").items()}
    labels = {name: str(text) for name, text in given.items() if name not in _TOLD}
    return Wanted(labels, state, severity, value, annotations)


def _rows(fields: Fields) -> Rows:
    table, host = fields.text("table"), fields.text("host")
    begin = fields.seconds("from", "0s", 0.0, 31 * _DAY)
    every = fields.seconds("every", "30s", 0.001, _DAY)
    given = {name: fields.raw(name) for name in fields.names if name not in _PLACES}
    read = {name: _column(fields, table, name, value) for name, value in given.items()}
    count = max((len(values) for values, is_series in read.values() if is_series), default=1)
    if count > VALUES_LIMIT:
        fields.fault("table", f"has {count} moments, {VALUES_LIMIT} at the most")
    columns = {
        name: [*values, *[None] * (count - len(values))] if is_series else values * count
        for name, (values, is_series) in read.items()
    }
    fields.finish()
    return Rows(table, host, begin, every, columns)


def _column(fields: Fields, table: str, name: str, given: Any) -> tuple[list[Value], bool]:
    """Return the values of a column, and whether they go from moment to moment; else the only one holds at each."""
    if isinstance(given, list):
        return [None if value == "_" else value for value in given], True
    if not isinstance(given, str):
        return [given], False
    columns = {column.name: column for column in TABLES[table].columns} if table in TABLES else {}
    column = columns.get(name)
    if columns and column is None:
        fields.fault(name, f"is no column of {table}")
    if column is None or column.kind is ColumnKind.KEY:
        return _foreign(given) if not columns else ([given], False)
    try:
        values = parse_series(given, is_text=column.type is ColumnType.TEXT)
    except InputError as error:
        fields.fault(name, error.message)
        return [None], False
    return values, column.type is not ColumnType.TEXT or len(values) != 1


def _foreign(given: str) -> tuple[list[Value], bool]:
    # Of a table that a sender brought nobody knows the types: what reads as numbers is numbers.
    try:
        return parse_series(given), True
    except InputError:
        return [given], False
