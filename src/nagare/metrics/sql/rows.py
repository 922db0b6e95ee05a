"""The way of an answer out of DuckDB: guarded there, fetched in small pieces, converted, and counted.

While a piece is converted the interpreter does nothing else, so a piece must be small whatever stands in it. Large
values are refused inside DuckDB, before there is a Python object of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import duckdb

from nagare.errors import ResultTooLargeError
from nagare.metrics.engine import quote_text
from nagare.metrics.sql.messages import CELL_TOO_LARGE
from nagare.metrics.sql.values import TEXT_TIMES, json_columns

# Bytes of one answer: past it the JSON would cost the server more than the query did.
ANSWER_LIMIT = 32 * 2**20
CELL_BYTES = 2**20
CELL_ENTRIES = 10_000
_FIRST_ROWS = 16
_MOST_ROWS = 2048
# A piece of so many bytes takes some milliseconds to convert.
_PIECE_BYTES = 256 * 2**10
# Values whose size is not their type's may be large in the next piece, however small they were in the last one.
_MOST_VARIABLE_ROWS = 128
_MOST_NESTED_ROWS = 16
_ZONED = ("TIME ZONE", "TIMESTAMPTZ")
_ZONED_TIMES = frozenset({"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"})
_TEXTS = frozenset({"VARCHAR", "JSON"})
# Types of which no value takes more than so many bytes of an answer.
_SIZED = (
    TEXT_TIMES
    | _ZONED_TIMES
    | {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UBIGINT", "FLOAT", "DOUBLE", "DATE"}
)
_SIZED_BYTES = 40
Columns = Sequence[tuple[str, str]]


def guarded(sql: str, columns: Columns) -> str:
    """Return ``sql`` in plain types, raising CELL_TOO_LARGE for a large value: zoned times in UTC, intervals as text."""
    items = [guarded_item(f"c{number}", type_) for number, (_, type_) in enumerate(columns)]
    names = [f"c{number}" for number in range(len(columns))]
    if items == names:
        return sql
    return f"SELECT {', '.join(items)} FROM (\n{sql}\n) AS answer({', '.join(names)})"  # noqa: S608  checked before


def guarded_item(name: str, type_: str) -> str:
    """Return a column in plain types, raising CELL_TOO_LARGE for a large value."""
    # Zoned times come into Python only with a zone library that nothing else here needs.
    if type_ in _ZONED_TIMES:
        return f"CAST({name} AT TIME ZONE 'UTC' AS TIMESTAMP)"
    if type_ in TEXT_TIMES:
        # As the answer tells it: the engine writes a thousand times in the time in which Python writes ten.
        return time_text(name, type_)
    is_text = any(sign in type_ for sign in _ZONED) or "INTERVAL" in type_
    return with_guard(name, type_, f"CAST({name} AS VARCHAR)" if is_text else name)


def with_guard(name: str, type_: str, plain: str) -> str:
    """Return ``plain``, which is made of the column ``name``, raising CELL_TOO_LARGE where its value is large."""
    guard = _guard(name, type_)
    return f"CASE WHEN {guard} THEN error({quote_text(CELL_TOO_LARGE)}) ELSE {plain} END" if guard else plain


def time_text(name: str, type_: str) -> str:
    """Return a time as text: milliseconds unless there is more to say."""
    whole, micros = f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%gZ')", f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if type_ == "TIMESTAMP_MS":
        # The function would take it as nanoseconds, which end in 2262.
        return f"strftime(CAST({name} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%gZ')"
    if type_ == "TIMESTAMP":
        return f"CASE WHEN epoch_us({name}) % 1000 = 0 THEN {whole} ELSE {micros} END"
    # strftime() has a sign for nanoseconds, and writes what is no text for it.
    rest = f"(epoch_ns({name}) % 1000 + 1000) % 1000"
    nanos = f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%f') || right((1000 + {rest})::VARCHAR, 3) || 'Z'"
    return f"CASE WHEN epoch_ns({name}) % 1000000 = 0 THEN {whole} WHEN {rest} = 0 THEN {micros} ELSE {nanos} END"


def _guard(name: str, type_: str) -> str:
    if type_ in _TEXTS:
        return f"strlen({name}) > {CELL_BYTES}"
    if type_ == "BLOB":
        return f"octet_length({name}) > {CELL_BYTES}"
    if type_.endswith("[]"):
        entries = f"len({name}) > {CELL_ENTRIES}"
        if type_[:-2] in _TEXTS:
            return f"{entries} OR list_sum(list_transform({name}, lambda x: strlen(x))) > {CELL_BYTES}"
        return entries
    if type_.startswith("MAP("):
        return f"cardinality({name}) > {CELL_ENTRIES}"
    return ""


class Allowance:
    """How large one answer may still become: at most ``row_limit`` rows, or as many as are ``wanted``, and ANSWER_LIMIT bytes."""

    def __init__(self, row_limit: int, wanted: int | None) -> None:
        """Begin with nothing."""
        self.most = row_limit if wanted is None else min(wanted, row_limit)
        self._row_limit = row_limit
        self._is_cut_wanted = wanted is not None and wanted <= row_limit
        self._size = 0

    def count(self, size: int) -> int:
        """Return ``size``, the bytes of more rows. Raises ResultTooLargeError."""
        self._size += size
        if self._size > ANSWER_LIMIT:
            raise ResultTooLargeError(
                f"cannot answer query: the answer exceeds {ANSWER_LIMIT} bytes", hint="ask for less, or aggregate"
            )
        return size

    def cut(self, rows: list[list[Any]]) -> tuple[list[list[Any]], bool]:
        """Return those of ``rows`` that are wanted, and whether that cut some off. Raises ResultTooLargeError."""
        if len(rows) <= self.most:
            return rows, False
        if self._is_cut_wanted:
            return rows[: self.most], True
        raise ResultTooLargeError(
            f"cannot answer query: it has more than {self._row_limit} rows",
            hint="add LIMIT, a shorter time, or aggregate",
        )


class Fetch:
    """Takes the rows of a query that runs."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        columns: Columns,
        allowance: Allowance,
        check_stopped: Callable[[], None],
    ) -> None:
        """Take what ``allowance`` allows from ``cursor``, asking ``check_stopped`` before each piece."""
        self._cursor = cursor
        self._allowance = allowance
        self._check_stopped = check_stopped
        self._types = [type_ for _, type_ in columns]
        self._most = _most_rows(columns)
        self._first = _first_rows(columns)

    def rows(self) -> list[list[Any]]:
        """Return JSON-safe rows, one more than are allowed where there are more. Raises ResultTooLargeError."""
        most = self._allowance.most
        rows: list[list[Any]] = []
        take = self._first
        while len(rows) <= most:
            self._check_stopped()
            piece = self._cursor.fetchmany(min(take, most + 1 - len(rows)))
            if not piece:
                break
            converted, size = json_columns(piece, self._types)
            rows += converted
            take = self._next_take(take, self._allowance.count(size))
        return rows

    def _next_take(self, take: int, size: int) -> int:
        return min(self._most, take * 2) if size < _PIECE_BYTES else max(1, take // 2)


def _first_rows(columns: Columns) -> int:
    """Return how many rows are fetched at first: where the size of a row is known, a piece of it."""
    if columns and all(type_ in _SIZED for _, type_ in columns):
        return min(_MOST_ROWS, max(_FIRST_ROWS, _PIECE_BYTES // (_SIZED_BYTES * len(columns))))
    return _FIRST_ROWS


def _most_rows(columns: Columns) -> int:
    types = [type_ for _, type_ in columns]
    if any(type_.endswith("]") or "(" in type_ for type_ in types if not type_.startswith("DECIMAL")):
        return _MOST_NESTED_ROWS
    if any(type_ in _TEXTS or type_ == "BLOB" for type_ in types):
        return _MOST_VARIABLE_ROWS
    return _MOST_ROWS
