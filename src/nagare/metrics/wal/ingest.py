"""What of a batch is stored: pure checks that refuse the malformed whole and single rows with their reasons.

The order matters. Anything that shows a broken sender (columns of unequal length, text where a number belongs)
raises InputError and nothing is stored. What a sound sender can meet (a wrong clock, a full table list, a foreign
column that changed its type) is refused row by row and listed, so that it never blocks a spool.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from nagare.errors import InputError
from nagare.lib.names import check_host, is_identifier
from nagare.metrics.schema import Schema, is_reserved
from nagare.model.tables import ColumnType
from nagare.wire.batch import BATCH_VERSION, INT64_MAX, INT64_MIN, TEXT_LIMIT, Batch, Cell, Refusal
from nagare.wire.sound_batch import SoundBatch

MAP_LIMIT = 256
# What one sender may claim to stand for at once; a spool of a day at 5 s is 17 280 batches.
REPLACES_LIMIT = 100_000
_BOOT = re.compile(r"[A-Za-z0-9_-]{1,64}")
Cells = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a batch may bring at this moment; times are Unix milliseconds."""

    oldest_ms: int
    newest_ms: int
    table_limit: int
    column_limit: int
    # Tables of new names that this sender may still bring.
    new_tables: int = 2**31


@dataclass(slots=True)
class Accepted:
    """What is to be stored, the columns that came to be, and what was refused."""

    tables: dict[str, dict[str, list[Cell]]] = field(default_factory=dict)
    added: dict[str, dict[str, ColumnType]] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    rows: int = 0

    @property
    def refused_rows(self) -> int:
        """The number of refused rows."""
        return sum(len(refusal.rows) for refusal in self.refused)


def check_envelope(batch: Batch | SoundBatch) -> None:
    """Check everything of ``batch`` but its tables. Raises InputError, InvalidLabelError."""
    if batch.v != BATCH_VERSION:
        raise InputError(
            f"cannot accept batch: version {batch.v} is not spoken here",
            hint=f"send version {BATCH_VERSION}; update the older side",
            errors=[{"pointer": "#/v", "detail": f"must be {BATCH_VERSION}"}],
        )
    check_host(batch.host)
    if not _BOOT.fullmatch(batch.boot):
        raise _fault("boot", "must be a UUID: 1 to 64 letters, digits, hyphens and underscores")
    if not 0 <= batch.seq <= INT64_MAX:
        raise _fault("seq", "must be an integer from 0 to 2^63-1")
    if len(batch.replaces) > REPLACES_LIMIT:
        raise _fault("replaces", f"holds more than {REPLACES_LIMIT} numbers")
    if batch.replaces and not 0 <= min(batch.replaces) <= max(batch.replaces) <= INT64_MAX:
        raise _fault("replaces", "must hold integers from 0 to 2^63-1")
    if batch.thinned and (len(batch.thinned) != 2 or not 0 <= min(batch.thinned) <= max(batch.thinned) <= INT64_MAX):
        raise _fault("thinned", "must hold two moments, Unix milliseconds")


def check_tables(batch: Batch, schemas: Mapping[str, Schema], bounds: Bounds) -> Accepted:
    """Return what of ``batch`` is stored. Raises InputError when any part of it is malformed."""
    accepted = Accepted()
    for table, columns in batch.tables.items():
        _check_table(batch, table, columns, schemas, bounds, accepted)
    return accepted


def _check_table(
    batch: Batch,
    table: str,
    columns: Mapping[str, list[Cell]],
    schemas: Mapping[str, Schema],
    bounds: Bounds,
    accepted: Accepted,
) -> None:
    count = _check_shape(table, columns)
    _check_hosts(batch.host, table, columns)
    if not count:
        return
    schema = schemas.get(table)
    cells = {name: values for name, values in columns.items() if name != "host"}
    refusal = _refuse_names(table, cells, schema, schemas, bounds, accepted)
    if refusal:
        accepted.refused.append(Refusal(table, list(range(count)), refusal))
        return
    rows = _Rows(table, count, accepted)
    rows.refuse(_outside(cells["ts"], bounds.oldest_ms, bounds.newest_ms), _time_reason)
    added: dict[str, ColumnType] = {}
    for name, values in cells.items():
        if name != "ts":
            cells[name] = _check_column(schema, name, values, rows, added)
    kept = rows.keep(cells)
    if rows.kept_count:
        accepted.tables[table] = kept
        accepted.rows += rows.kept_count
        if added or schema is None:
            accepted.added[table] = {name: type_ for name, type_ in added.items() if name in kept}


class _Rows:
    """Which rows of one table are refused so far, and why."""

    def __init__(self, table: str, count: int, accepted: Accepted) -> None:
        self._table = table
        self._count = count
        self._accepted = accepted
        self._refused: set[int] = set()

    def place(self, column: str) -> str:
        return f"tables/{self._table}/{column}"

    @property
    def kept_count(self) -> int:
        return self._count - len(self._refused)

    def refuse(self, found: Mapping[str, list[int]], say: Callable[[str], str]) -> None:
        for reason, rows in found.items():
            fresh = [row for row in rows if row not in self._refused]
            self._refused.update(fresh)
            if fresh:
                self._accepted.refused.append(Refusal(self._table, fresh, say(reason)))

    def keep(self, cells: Mapping[str, list[Cell]]) -> dict[str, list[Cell]]:
        # A column that holds nothing is not stored: replay must not create what never had a type.
        if not self._refused:
            return {name: values for name, values in cells.items() if name == "ts" or not _is_empty(values)}
        kept = [row for row in range(self._count) if row not in self._refused]
        narrowed = {name: [values[row] for row in kept] for name, values in cells.items()}
        return {name: values for name, values in narrowed.items() if name == "ts" or not _is_empty(values)}


def _is_empty(values: Cells) -> bool:
    return values.count(None) == len(values)


def _check_shape(table: str, columns: Mapping[str, list[Cell]]) -> int:
    if not is_identifier(table):
        raise _fault(
            f"tables/{table[:80]}", "is no lawful table name: lower case letters, digits, underscores, 63 at most"
        )
    if "ts" not in columns:
        raise _fault(f"tables/{table}", "has no ts column")
    count = len(columns["ts"])
    for name, values in columns.items():
        if not is_identifier(name):
            raise _fault(
                f"tables/{table}/{name[:80]}",
                "is no lawful column name: lower case letters, digits, underscores, 63 at most",
            )
        if len(values) != count:
            raise _fault(f"tables/{table}/{name}", f"has {len(values)} values where ts has {count}")
    if not set(map(type, columns["ts"])) <= {int}:
        raise _fault(f"tables/{table}/ts", "must hold integers: Unix milliseconds")
    return count


def _check_hosts(host: str, table: str, columns: Mapping[str, list[Cell]]) -> None:
    values = columns.get("host")
    if values is not None and any(value != host for value in values):
        raise _fault(f"tables/{table}/host", f"must equal the batch's host {host!r}, or be left out")


def _refuse_names(
    table: str,
    cells: Mapping[str, list[Cell]],
    schema: Schema | None,
    schemas: Mapping[str, Schema],
    bounds: Bounds,
    accepted: Accepted,
) -> str:
    if schema is None:
        if is_reserved(table):
            return f"table name {table} is reserved"
        fresh = sum(name not in schemas for name in accepted.added)
        if len(schemas) + fresh >= bounds.table_limit:
            return f"too many tables: the limit is {bounds.table_limit}"
        if fresh >= bounds.new_tables:
            return "too many new tables from this host: the others must find room too"
    known = schema.columns if schema else {}
    total = len(known) + sum(name not in known for name in cells if name != "ts")
    if total > bounds.column_limit:
        return f"too many columns: the limit is {bounds.column_limit} a table"
    return ""


def _outside(times: Sequence[Any], oldest: int, newest: int) -> dict[str, list[int]]:
    # Most batches are in time as a whole: two C loops instead of one of ours.
    if min(times) >= oldest and max(times) <= newest:
        return {}
    return {
        "stale": [row for row, ts in enumerate(times) if ts < oldest],
        "future": [row for row, ts in enumerate(times) if ts > newest],
    }


def _time_reason(reason: str) -> str:
    return {"stale": "stale: older than raw retention", "future": "future: ahead of the server's clock"}[reason]


def _check_column(
    schema: Schema | None, name: str, values: list[Cell], rows: _Rows, added: dict[str, ColumnType]
) -> list[Cell]:
    kinds = set(map(type, values)) - {NoneType}
    declared = schema.own.find_column(name) if schema and schema.own else None
    known = schema.columns.get(name) if schema else None
    place = rows.place(name)
    if declared is not None:
        _check_own(place, declared.type, kinds)
    elif known is None and kinds:
        known = added[name] = _infer(values)
    if declared is None and known is not None and not kinds <= _LAWFUL[known]:
        rows.refuse(_conflicts(values, known), lambda _: f"type conflict: column {name} holds {known.value}")
        values = [value if type(value) in _LAWFUL_OR_NONE[known] else None for value in values]
    type_ = declared.type if declared is not None else known
    return values if type_ is None else _CHECKS[type_](place, values, kinds)


def _check_own(place: str, type_: ColumnType, kinds: set[type]) -> None:
    wrong = kinds - _LAWFUL[type_]
    if wrong:
        names = ", ".join(sorted(_KIND_NAMES.get(kind, kind.__name__) for kind in wrong))
        raise _fault(place, f"holds {names} where {type_.value} belongs")


def _conflicts(values: Cells, known: ColumnType) -> dict[str, list[int]]:
    lawful = _LAWFUL_OR_NONE[known]
    return {"conflict": [row for row, value in enumerate(values) if type(value) not in lawful]}


def _infer(values: Cells) -> ColumnType:
    # Numbers of foreign columns are floats: a gauge that happened to be whole at first must not stay so for ever.
    first = next(value for value in values if value is not None)
    return {bool: ColumnType.BOOLEAN, str: ColumnType.TEXT, dict: ColumnType.MAP}.get(type(first), ColumnType.FLOAT)


def _check_floats(place: str, values: list[Cell], kinds: set[type]) -> list[Cell]:
    try:
        total = math.fsum(value for value in values if isinstance(value, (int, float)))
    except (OverflowError, ValueError):
        # An overflow of the sum need not mean that a value is wrong: look at each.
        total = math.nan
    if not math.isfinite(total) and not all(_is_finite(value) for value in values if value is not None):
        raise _fault(place, "holds a number that is not finite; send null instead")
    return [value if value is None else float(value) for value in values] if int in kinds else values  # type: ignore[arg-type]


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _check_integers(place: str, values: list[Cell], kinds: set[type]) -> list[Cell]:
    if float in kinds:
        if any(isinstance(value, float) and not value.is_integer() for value in values):
            raise _fault(place, "holds fractions where integers belong")
        values = [int(value) if isinstance(value, float) else value for value in values]
    numbers = [value for value in values if value is not None]
    if numbers and not INT64_MIN <= min(numbers) <= max(numbers) <= INT64_MAX:  # type: ignore[type-var,operator]
        raise _fault(place, "holds an integer beyond 64 bits")
    return values


def _check_texts(place: str, values: list[Cell], kinds: set[type]) -> list[Cell]:
    if kinds and max(len(value) for value in values if isinstance(value, str)) > TEXT_LIMIT:
        raise _fault(place, f"holds a text of more than {TEXT_LIMIT} characters")
    return values


def _check_maps(place: str, values: list[Cell], kinds: set[type]) -> list[Cell]:
    for value in values if kinds else ():
        if isinstance(value, dict):
            check_map(place, value)
    return values


def check_map(place: str, value: Mapping[str, str]) -> None:
    """Check one map of texts. Raises InputError that points at ``place``."""
    if len(value) > MAP_LIMIT or any(len(key) > TEXT_LIMIT or len(text) > TEXT_LIMIT for key, text in value.items()):
        raise _fault(place, f"holds a map of more than {MAP_LIMIT} entries or with too long a text")


def _keep(place: str, values: list[Cell], kinds: set[type]) -> list[Cell]:  # noqa: ARG001  one shape for all checks
    return values


_LAWFUL: Mapping[ColumnType, frozenset[type]] = {
    ColumnType.FLOAT: frozenset({int, float}),
    ColumnType.INTEGER: frozenset({int, float}),
    ColumnType.TEXT: frozenset({str}),
    ColumnType.BOOLEAN: frozenset({bool}),
    ColumnType.MAP: frozenset({dict}),
    ColumnType.TAG: frozenset({str}),
}
_LAWFUL_OR_NONE = {type_: kinds | {NoneType} for type_, kinds in _LAWFUL.items()}
_KIND_NAMES: Mapping[type, str] = {str: "text", bool: "boolean", dict: "map", int: "number", float: "number"}
_CHECKS: Mapping[ColumnType, Callable[[str, list[Cell], set[type]], list[Cell]]] = {
    ColumnType.FLOAT: _check_floats,
    ColumnType.INTEGER: _check_integers,
    ColumnType.TEXT: _check_texts,
    ColumnType.BOOLEAN: _keep,
    ColumnType.MAP: _check_maps,
}


def infer_columns(cells: Mapping[str, list[Cell]], schema: Schema | None) -> dict[str, ColumnType]:
    """Return the types of the columns in ``cells`` that ``schema`` does not know, from values that were accepted once."""
    known = schema.columns if schema else {}
    fresh = [name for name in cells if name not in known and name not in ("ts", "host")]
    return {name: _infer(cells[name]) for name in fresh if not _is_empty(cells[name])}


def clear_misfits(cells: dict[str, list[Cell]], schema: Schema) -> int:
    """Replace by null what does not fit its column in ``schema``; return how many values that were."""
    count = 0
    for name, type_ in schema.columns.items():
        values = cells.get(name)
        if values is None or set(map(type, values)) <= _LAWFUL_OR_NONE[type_]:
            continue
        count += sum(type(value) not in _LAWFUL_OR_NONE[type_] for value in values)
        cells[name] = [value if type(value) in _LAWFUL_OR_NONE[type_] else None for value in values]
    return count


def _fault(place: str, detail: str) -> InputError:
    return InputError(f"cannot accept batch: {place} {detail}", errors=[{"pointer": f"#/{place}", "detail": detail}])
