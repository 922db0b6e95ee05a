"""What ``nagare plot`` asks: a metric's name and filters made into one SELECT, and its rows made into series.

Names and values never meet in the text: names are checked against the tables that SQL sees, values are parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from nagare.errors import InputError, NotFoundError
from nagare.lib.nearest import did_you_mean
from nagare.wire.sql import ColumnView, SqlRequest, TableView

# The row that stands for the whole machine, where a table has one; asked for unless the keys are named.
WHOLE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"cpu": ("core", "all"), "agent": ("collector", "agent"), "unit": ("name", "*")}
)
# Nobody looks at less without having asked for it.
_LEAST_WINDOW_MS = 120_000
_MINUTE_MS = 60_000
AGGREGATES = ("avg", "max", "min", "sum")
_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "FLOAT", "DOUBLE", "BOOLEAN")
_KIND_NUMERIC = ("float", "integer", "boolean")


@dataclass(frozen=True, slots=True)
class Question:
    """What to draw: ``filters`` are equal to, ``by`` are the keys that tell series apart."""

    table: str
    column: str
    by: tuple[str, ...]
    filters: Mapping[str, str]
    hosts: tuple[str, ...]
    since_ms: int
    until_ms: int
    step_ms: int
    aggregate: str = "avg"
    # Of the answer.
    tier: str = "raw"

    @property
    def name(self) -> str:
        """The metric as people write it."""
        return f"{self.table}.{self.column}"

    def begun_at(self, since_ms: int) -> Question:
        """Return the same question about a later begin, in as many steps."""
        steps = max(1, (self.until_ms - self.since_ms) // self.step_ms)
        return replace(self, since_ms=since_ms, step_ms=make_step(self.until_ms - since_ms, steps))


@dataclass(slots=True)
class Series:
    """One line: its keys, and for each step its time, value, least and most."""

    keys: tuple[str, ...]
    ts_ms: list[int] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    lows: list[float | None] = field(default_factory=list)
    highs: list[float | None] = field(default_factory=list)

    @property
    def peak(self) -> float:
        """The greatest value, for choosing which lines to show."""
        return max((value for value in self.highs if value is not None), default=float("-inf"))


def make_step(window_ms: int, points: int) -> int:
    """Return the width of a step so that a window has about ``points``: whole minutes if it can, as rollups have them."""
    step_ms = max(1, window_ms // max(1, points))
    return -(-step_ms // _MINUTE_MS) * _MINUTE_MS if step_ms >= _MINUTE_MS else step_ms


def find_metric(name: str, tables: Sequence[TableView]) -> tuple[TableView, ColumnView]:
    """Return table and column of ``cpu.busy_ratio`` or ``nagare_cpu_busy_ratio``. Raises NotFoundError."""
    by_name = {table.name: table for table in tables}
    plain = name.removeprefix("nagare_")
    for candidate in _splits(plain):
        table = by_name.get(candidate[0])
        column = next((one for one in table.columns if one.name == candidate[1]), None) if table else None
        if table is not None and column is not None:
            _refuse_text(table, column)
            return table, column
    known = [f"{table.name}.{column.name}" for table in tables for column in table.columns if _is_number(column)]
    if plain in by_name:
        numbers = ", ".join(metric for metric in known if metric.rpartition(".")[0] == plain)
        raise NotFoundError(f"cannot plot {name!r}: it is a table", hint=f"name one of its numbers: {numbers}")
    raise NotFoundError(
        f"cannot plot {name!r}: there is no such metric",
        hint=did_you_mean(plain.replace("_", ".", 1) if "." not in plain else plain, known)
        or "`nagare tables TABLE` lists the columns",
    )


def to_request(question: Question, table: TableView) -> SqlRequest:
    """Return the SELECT that answers ``question``."""
    params: dict[str, Any] = {"step": question.step_ms}
    conditions = [f"{_quoted(question.column)} is not null"]
    for index, (key, value) in enumerate(question.filters.items()):
        _check_key(table, key)
        params[f"f{index}"] = value
        conditions.append(f"cast({_quoted(key)} as varchar) = $f{index}")
    if question.hosts:
        places = []
        for index, host in enumerate(question.hosts):
            params[f"h{index}"] = host
            places.append(f"$h{index}")
        conditions.append(f"host in ({', '.join(places)})")
    for key in question.by:
        _check_key(table, key)
    return SqlRequest(
        _select(question, conditions), params, since_ms=question.since_ms, until_ms=question.until_ms
    )  # fmt: skip


def to_series(question: Question, rows: Sequence[Sequence[Any]]) -> list[Series]:
    """Return the rows of the answer as series, the greatest first."""
    count = len(question.by)
    found: dict[tuple[str, ...], Series] = {}
    for row in rows:
        keys = tuple("" if value is None else str(value) for value in row[1 : 1 + count])
        series = found.setdefault(keys, Series(keys))
        series.ts_ms.append(int(row[0]))
        value, low, high = row[1 + count : 4 + count]
        series.values.append(value)
        series.lows.append(low)
        series.highs.append(high)
    return sorted(found.values(), key=lambda series: (-series.peak, series.keys))


def late_begin(question: Question, series: Sequence[Series]) -> int | None:
    """Return where the samples begin if most of the window lies before: an installation of ten minutes fills its chart."""
    first = min((one.ts_ms[0] for one in series), default=question.since_ms)
    first = min(first, question.until_ms - _LEAST_WINDOW_MS)
    return first if first - question.since_ms > (question.until_ms - question.since_ms) // 2 else None


def _select(question: Question, conditions: Sequence[str]) -> str:
    value = f"cast({_quoted(question.column)} as double)"
    keys = "".join(f", {_quoted(key)}" for key in question.by)
    return (
        f"select epoch_ms(ts) // $step * $step as t{keys}, "  # noqa: S608  names are checked against the catalog
        f"{question.aggregate}({value}) as value, min({value}) as low, max({value}) as high "
        f"from {_table(question.table)} where {' and '.join(conditions)} "
        f"group by all order by t"
    )


def _splits(name: str) -> list[tuple[str, str]]:
    # The longest table name first: disk_io.reads_total and disk.io_reads_total would read alike with underscores.
    if "." in name:
        table, _, column = name.rpartition(".")
        return [(table, column)]
    parts = name.split("_")
    return [("_".join(parts[:cut]), "_".join(parts[cut:])) for cut in range(len(parts) - 1, 0, -1)]


def _check_key(table: TableView, key: str) -> None:
    known = [column.name for column in table.columns]
    if key not in known:
        raise InputError(
            f"cannot tell series of {table.name} apart by {key!r}: it has no such column", hint=did_you_mean(key, known)
        )


def _is_number(column: ColumnView) -> bool:
    kind = column.type.upper()
    return kind.startswith((*_NUMERIC, "DECIMAL")) or column.type.lower() in _KIND_NUMERIC


def _refuse_text(table: TableView, column: ColumnView) -> None:
    if not _is_number(column):
        numbers = ", ".join(one.name for one in table.columns if _is_number(one))
        raise InputError(
            f"cannot plot {table.name}.{column.name}: it holds no numbers", hint=f"numbers of {table.name}: {numbers}"
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(name: str) -> str:
    return ".".join(_quoted(part) for part in name.split(".", 1))
