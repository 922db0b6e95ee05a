"""Runs tests of rules: the real statement over a metric store of its own, the real judgement, a clock that is set by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from nagare.alerting.heartbeats.tables import HEARTBEATS
from nagare.alerting.rules.course import Course
from nagare.config.alert_rules.load import read_rules, shipped_rules
from nagare.config.files import read_file
from nagare.config.places import Places
from nagare.config.settings import QuerySettings, StorageSettings
from nagare.errors import ConfigError, InputError, NagareError
from nagare.fleet.tables import HOSTS
from nagare.lib.clock import ManualClock
from nagare.lib.nearest import did_you_mean
from nagare.lib.units import format_seconds
from nagare.metrics.store import MetricStore
from nagare.model.alert.alert import ACTIVE, Alert, AlertState
from nagare.model.alert.notation import Value
from nagare.model.alert.rule import Rule
from nagare.model.alert.trial import Rows, Trial, TrialFile, differences, parse_trials
from nagare.model.columns import Cell, Columns, RecordTable
from nagare.model.tables import TABLES, ColumnType, Table
from nagare.wire.batch import Batch
from nagare.wire.batch import Cell as BatchCell
from nagare.wire.sql import SqlReply, SqlRequest

# Where the time of every test begins.
BEGIN_MS = 1_767_225_600_000
# More than a test can want; a rule of a second over a month would look for hours.
LOOKS_LIMIT = 20_000
# Read from the records as they are at each look.
_OF_NOW = (HOSTS, HEARTBEATS)
_SHOWN = frozenset({*ACTIVE, AlertState.PENDING, AlertState.RESOLVED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test went; what differed is empty for one that is as expected."""

    file: str
    name: str
    rule: str
    differences: Sequence[str]


def read_trials(path: Path) -> tuple[TrialFile, Mapping[str, Rule]]:
    """Return the tests of a file, and the rules that they may name: the shipped ones under those of its rule files.

    Raises ConfigError.
    """
    try:
        found = parse_trials(read_file(path).tables, path.name)
    except InputError as error:
        faults = "; ".join(
            f"{one['pointer'].removeprefix('#/').replace('/', '.')}: {one['detail']}" for one in error.errors
        )
        raise ConfigError(f"cannot use tests {path}: {faults}", hint="docs/how-to/test-rules.md tells how") from error
    rules = dict(shipped_rules().rules)
    for name in found.files:
        rules |= {rule.name: rule for rule in read_rules(read_file(path.parent / name)).rules}
    return found, rules


async def run_trial(file: str, trial: Trial, rules: Mapping[str, Rule], place: int) -> Outcome:
    """Run one test. Raises InputError for one that cannot be run."""
    name = trial.name or f"test {place + 1}"
    rule = rules.get(trial.rule)
    if rule is None:
        hint = did_you_mean(trial.rule, list(rules)) or 'name its file: rules = ["disk.toml"]'
        raise InputError(f"cannot run {name} of {file}: there is no rule {trial.rule[:80]!r}", hint=hint)
    last = max(one.at_seconds for one in trial.expectations)
    if last / rule.every_seconds > LOOKS_LIMIT:
        raise InputError(f"cannot run {name} of {file}: it would look more than {LOOKS_LIMIT} times at {rule.name}")
    with tempfile.TemporaryDirectory(prefix="nagare-rules-") as folder:
        return Outcome(file, name, rule.name, await _run(Path(folder), trial, rule, last))


async def _run(folder: Path, trial: Trial, rule: Rule, last: float) -> list[str]:
    # Rows are stored as of the end: a store takes none from the future.
    clock = ManualClock(BEGIN_MS + round(max(last, *(_end(rows) for rows in trial.rows), 0.0) * 1000))
    store = MetricStore(Places(folder), StorageSettings(), QuerySettings(), clock=clock)
    async with store:
        clocks = []
        for table in _OF_NOW:
            clocks.append(_OfNow(table, [rows for rows in trial.rows if rows.table == table.name]))
            store.register_records(RecordTable(table, clocks[-1].fetch))
        names = {table.name for table in _OF_NOW}
        await _fill(store, [rows for rows in trial.rows if rows.table not in names])
        return await _watch(store, trial, rule, clocks)


async def _watch(store: MetricStore, trial: Trial, rule: Rule, records: Sequence[_OfNow]) -> list[str]:
    course, found, moment = Course(rule), list[str](), 0.0
    for wanted in sorted(trial.expectations, key=lambda one: one.at_seconds):
        while moment <= wanted.at_seconds:
            now_ms = BEGIN_MS + round(moment * 1000)
            for table in records:
                table.now_ms = now_ms
            fault = course.look(await answer(store, rule, now_ms), now_ms).fault
            if fault:
                return [f"at {format_seconds(moment)} the rule cannot be judged: {fault}"]
            moment += rule.every_seconds
        alerts = [alert for alert in course.open() if _is_shown(alert, rule)]
        found += [f"at {format_seconds(wanted.at_seconds)} {text}" for text in differences(wanted.alerts, alerts)]
    return found


def _is_shown(alert: Alert, rule: Rule) -> bool:
    return alert.state in _SHOWN and alert.rule in (rule.name, f"{rule.name}/no-data")


async def answer(store: MetricStore, rule: Rule, now_ms: int) -> SqlReply | str:
    """Return what the statement of ``rule`` answers as of ``now_ms``, or why it does not."""
    since_ms = now_ms - round(rule.window_seconds * 1000)
    try:
        return await store.query(SqlRequest(rule.sql, since_ms=since_ms, until_ms=now_ms + 1))
    except NagareError as error:
        return error.message


def _end(rows: Rows) -> float:
    return rows.from_seconds + rows.every_seconds * rows.count


async def _fill(store: MetricStore, given: Sequence[Rows]) -> None:
    for seq, rows in enumerate(given, start=1):
        batch = Batch(1, rows.host, uuid4().hex, seq, {rows.table: _columns(rows)})
        reply = await store.append(batch)
        if reply.refused:
            raise InputError(
                f"cannot store rows of {rows.table}: {reply.refused[0].reason}",
                hint="look at its columns: nagare tables",
            )


def _columns(rows: Rows) -> dict[str, list[BatchCell]]:
    """Return the columns of a batch; a moment at which every series is without a value has no row."""
    types = {column.name: column.type for column in TABLES[rows.table].columns} if rows.table in TABLES else {}
    series = {name: values for name, values in rows.columns.items() if len(set(values)) > 1} or rows.columns
    kept = [place for place in range(rows.count) if any(values[place] is not None for values in series.values())]
    columns: dict[str, list[BatchCell]] = {"ts": [_moment_ms(rows, place) for place in kept]}
    for name, values in rows.columns.items():
        is_integer = types.get(name) is ColumnType.INTEGER
        columns[name] = [_cell(values[place], is_integer=is_integer) for place in kept]
    return columns


def _cell(value: Value, *, is_integer: bool) -> BatchCell:
    return int(value) if is_integer and isinstance(value, float) else value


def _moment_ms(rows: Rows, place: int) -> int:
    return BEGIN_MS + round((rows.from_seconds + place * rows.every_seconds) * 1000)


class _OfNow:
    """A table of records as it was at the moment that is looked at; the host of one of no host is empty."""

    def __init__(self, table: Table, given: Sequence[Rows]) -> None:
        self._table = table
        self._given = given
        self.now_ms = BEGIN_MS

    async def fetch(self) -> Columns:
        columns: dict[str, list[Cell]] = {column.name: [] for column in self._table.columns}
        for rows in self._given:
            places = [place for place in range(rows.count) if _moment_ms(rows, place) <= self.now_ms]
            if not places:
                continue
            told = {name: values[places[-1]] for name, values in rows.columns.items()}
            for name, cells in columns.items():
                own: dict[str, Cell] = {"host": rows.host or None, "ts": self.now_ms}
                cells.append(own.get(name, told.get(name)))
        return columns
