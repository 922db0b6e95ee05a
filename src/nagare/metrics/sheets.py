"""A CSV or Parquet file of somebody else as columns: read by a DuckDB of its own that may touch this one file.

A CSV is read as text, so that whoever writes its rows again writes them as they were. Nothing here knows an
installation; no statement of a user is ever run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from stat import S_ISREG
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np

from nagare.errors import InputError, LimitExceededError, NotFoundError
from nagare.lib.nearest import did_you_mean
from nagare.lib.plain_text import plain
from nagare.metrics.engine import quote_name, quote_text

# A file that needs more is better asked by SQL.
MEMORY_BYTES = 2 * 2**30
COLUMNS_LIMIT = 4096
# Rows that are lent at a time to whoever writes them.
_PAGE_ROWS = 20_000
# Columns of one statement: planning takes more than twice as long for twice as many.
_ASKED_COLUMNS = 100
# Rows that tell what a column may hold.
_LOOKED_ROWS = 1000
_PARQUET_MAGIC = b"PAR1"
_FIRST_BYTES = 8192
_COMPRESSED = (".gz", ".zst")
# What people write where a number is missing.
_MISSING = "('', 'NA', 'N/A', 'n/a', 'null', 'NULL', 'None', 'nil', '-')"
# Formats of times that a cast does not know.
_TIME_FORMATS = "['%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M', '%d.%m.%Y %H:%M:%S', '%d.%m.%Y %H:%M', '%Y%m%dT%H%M%S']"
_TEXT_OF_TIME = "strftime({}, '%Y-%m-%dT%H:%M:%S.%gZ')"


class Kind(Enum):
    """What a column holds."""

    TIME = "time"
    NUMBER = "number"
    TEXT = "text"


class Sheet:
    """One opened file: its columns in their order, and its rows in theirs."""

    def __init__(self, path: Path) -> None:
        """Name the file; ``with`` reads it."""
        self.path = path
        self.names: list[str] = []
        self.kinds: dict[str, Kind] = {}
        self.count = 0
        self._integers: set[str] = set()
        self._is_text = True
        self._duckdb: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        """Read the file. Raises NotFoundError, InputError and LimitExceededError."""
        self._is_text = not _is_parquet(self.path)
        self._duckdb = _connect(self.path)
        try:
            self._load()
        except duckdb.OutOfMemoryException as error:
            self._close()
            raise LimitExceededError(
                f"cannot read {self.path}: it needs more than {MEMORY_BYTES >> 30} GiB of memory"
            ) from error
        except duckdb.Error as error:
            self._close()
            raise InputError(f"cannot read {self.path}: {_cause(error)}") from error
        except InputError:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the rows."""
        self._close()

    def find(self, name: str) -> str:
        """Return the column that ``name`` names, whatever its case. Raises InputError."""
        for one in self.names:
            if one == name or one.lower() == name.lower():
                return one
        raise InputError(
            f"cannot use column {plain(name)!r} of {self.path}: there is no such column",
            hint=did_you_mean(name, self.names) or f"it has {plain(', '.join(self.names[:12]))}",
        )

    def times(self, name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the moments of a column in Unix milliseconds, and which rows have one.

        Numbers are read as seconds, milliseconds, microseconds or nanoseconds, by their size.
        """
        if self.kinds[name] is Kind.NUMBER:
            numbers = self.numbers(name)
            is_there = np.isfinite(numbers)
            scaled = np.where(is_there, numbers, 0.0) * _to_ms(numbers[is_there])
            return np.clip(np.round(scaled), -(2.0**62), 2.0**62).astype(np.int64), is_there
        fetched = self._fetch(f"coalesce(epoch_ms({_time_sql(quote_name(name))}), {-(2**62)})")
        return fetched, fetched != -(2**62)

    def numbers(self, name: str) -> np.ndarray[Any, Any]:
        """Return a column as floats; what is no number is NaN."""
        column = quote_name(name)
        return self._fetch(f"coalesce(TRY_CAST({column} AS DOUBLE), 'NaN'::DOUBLE)").astype(np.float64)

    def numbers_of(self, names: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
        """Return columns as ``numbers`` does, many with one look at the rows."""
        found: dict[str, np.ndarray[Any, Any]] = {}
        for first in range(0, len(names), _ASKED_COLUMNS):
            some = names[first : first + _ASKED_COLUMNS]
            items = (
                f"coalesce(TRY_CAST({quote_name(name)} AS DOUBLE), 'NaN'::DOUBLE) AS c{place}"
                for place, name in enumerate(some)
            )
            columns = self._lent().execute(f"SELECT {', '.join(items)} FROM sheet").fetchnumpy()  # noqa: S608  quoted names
            found |= {name: np.asarray(columns[f"c{place}"], np.float64) for place, name in enumerate(some)}
        return found

    def texts(self, name: str) -> list[str | None]:
        """Return a column as texts."""
        rows = self._lent().execute(f"SELECT CAST({quote_name(name)} AS VARCHAR) FROM sheet").fetchall()  # noqa: S608  quoted names
        return [row[0] for row in rows]

    def rows(self, *, is_typed: bool) -> Iterator[tuple[Any, ...]]:
        """Yield the rows as they are in the file; ``is_typed`` gives numbers as numbers, else a CSV's as its texts."""
        if is_typed and self._is_text:
            whole = "TRY_CAST(CASE WHEN NOT contains({0}, '.') THEN {0} END AS BIGINT)"
            self._integers = self._that_hold([name for name in self.names if self.kinds[name] is Kind.NUMBER], whole)
        items = ", ".join(self._cell(name, is_typed=is_typed) for name in self.names)
        cursor = self._lent().execute(f"SELECT {items} FROM sheet")  # noqa: S608  quoted names
        while page := cursor.fetchmany(_PAGE_ROWS):
            yield from page

    def _cell(self, name: str, *, is_typed: bool) -> str:
        column = quote_name(name)
        if not (self._is_text and is_typed and self.kinds[name] is Kind.NUMBER):
            return column
        return f"TRY_CAST({column} AS {'BIGINT' if name in self._integers else 'DOUBLE'})"

    def _fetch(self, item: str) -> np.ndarray[Any, Any]:
        return np.asarray(self._lent().execute(f"SELECT {item} AS found FROM sheet").fetchnumpy()["found"])  # noqa: S608  quoted names

    def _load(self) -> None:
        database = self._lent()
        if self._is_text:
            source = "read_csv(?, all_varchar = true, header = true, sample_size = 20480)"
        else:
            source = "read_parquet(?)"
        if self._is_text:
            # What is told of a CSV before it is read is found out by reading it: once is enough.
            database.execute(f"CREATE TABLE sheet AS SELECT * FROM {source}", [str(self.path)])  # noqa: S608  ours
            described = database.execute("DESCRIBE sheet").fetchall()
        else:
            described = database.execute(f"DESCRIBE SELECT * FROM {source}", [str(self.path)]).fetchall()  # noqa: S608  ours
        if len(described) > COLUMNS_LIMIT:
            raise LimitExceededError(f"cannot read {self.path}: it has more than {COLUMNS_LIMIT} columns")
        if not self._is_text:
            items = ", ".join(_item(str(name), str(type_)) for name, type_, *_ in described)
            database.execute(f"CREATE TABLE sheet AS SELECT {items} FROM {source}", [str(self.path)])  # noqa: S608  quoted names
        self.names = [str(name) for name, *_ in described]
        self.count = database.execute("SELECT count(*) FROM sheet").fetchall()[0][0]
        if self._is_text:
            self._find_kinds()
        else:
            self.kinds = {str(name): _kind_of(str(type_)) for name, type_, *_ in described}
        self._check()

    def _check(self) -> None:
        if self._is_text and self.names and all(_is_number(name) for name in self.names):
            raise InputError(
                f"cannot read {self.path}: its first line is no line of names", hint="begin it with: time,value"
            )
        if not self.count:
            raise InputError(f"cannot read {self.path}: it has no rows")

    def _find_kinds(self) -> None:
        """Find what each column of texts holds; an empty one holds text."""
        numbers = self._that_hold(self.names, "TRY_CAST({0} AS DOUBLE)")
        times = self._that_hold([name for name in self.names if name not in numbers], _time_sql("{0}"))
        for name in self.names:
            self.kinds[name] = Kind.NUMBER if name in numbers else Kind.TIME if name in times else Kind.TEXT

    def _that_hold(self, names: Sequence[str], cast: str) -> set[str]:
        """Return the columns of which every text that is no missing value can be read by ``cast``."""
        # The first rows tell what is worth asking of all: to fail at a million texts takes long.
        for rows in (_LOOKED_ROWS, self.count) if self.count > 4 * _LOOKED_ROWS else (self.count,):
            names = [
                name
                for first in range(0, len(names), _ASKED_COLUMNS)
                for name in self._readable(names[first : first + _ASKED_COLUMNS], cast, rows)
            ]
        return set(names)

    def _readable(self, names: Sequence[str], cast: str, rows: int) -> list[str]:
        items = []
        for name in names:
            column = quote_name(name)
            text = f"CASE WHEN {column} NOT IN {_MISSING} THEN {column} END"
            items += [f"count({text})", f"count({cast.format(f'({text})')})"]
        asked = f"SELECT {', '.join(items)} FROM (FROM sheet LIMIT {rows})"  # noqa: S608  quoted names
        found = self._lent().execute(asked).fetchall()[0]
        return [name for place, name in enumerate(names) if 0 < found[2 * place] == found[2 * place + 1]]

    def _lent(self) -> duckdb.DuckDBPyConnection:
        assert self._duckdb is not None, "the sheet is open"
        return self._duckdb

    def _close(self) -> None:
        if self._duckdb is not None:
            self._duckdb.close()
            self._duckdb = None


def _is_parquet(path: Path) -> bool:
    """Tell whether ``path`` is Parquet; anything else that is text may be a CSV."""
    try:
        with path.open("rb") as stream:
            # What was read of a pipe to look at it would be missing afterwards.
            if not S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise InputError(
                    f"cannot read {path}: it is no file, and is looked at more than once",
                    hint="write it to a file first; .csv.gz and .csv.zst are read as they are",
                )
            first = stream.read(_FIRST_BYTES)
    except FileNotFoundError as error:
        raise NotFoundError(f"cannot read {path}: there is no such file") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from error
    if not first:
        raise InputError(f"cannot read {path}: it is empty")
    if first.startswith(_PARQUET_MAGIC):
        return True
    if b"\0" in first and not path.name.lower().endswith(_COMPRESSED):
        raise InputError(f"cannot read {path}: neither CSV nor Parquet")
    return False


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int] = {
        "threads": 2,
        "async_threads": 0,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    opened = duckdb.connect(":memory:", config=config)
    for setting in (
        f"memory_limit = '{MEMORY_BYTES}B'",
        "temp_directory = ''",
        "TimeZone = 'UTC'",
        "python_enable_replacements = false",
        "enable_progress_bar = false",
        f"allowed_paths = [{quote_text(str(path))}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        opened.execute(f"SET {setting}")
    return opened


def _item(name: str, type_: str) -> str:
    """Return the SQL of a column as the sheet keeps it: what Python has no plain value for becomes text."""
    column = quote_name(name)
    if type_.startswith("TIMESTAMP WITH"):
        column = f"({column} AT TIME ZONE 'UTC')"
    if type_.startswith(("TIMESTAMP", "DATE")):
        return f"{_TEXT_OF_TIME.format(f'CAST({column} AS TIMESTAMP)')} AS {quote_name(name)}"
    if _is_numeric(type_):
        return f"CAST({column} AS DOUBLE) AS {quote_name(name)}" if type_.startswith("DECIMAL") else column
    return f"CAST({column} AS VARCHAR) AS {quote_name(name)}"


def _kind_of(type_: str) -> Kind:
    """Return what a column of Parquet holds."""
    if type_.startswith(("TIMESTAMP", "DATE")):
        return Kind.TIME
    return Kind.NUMBER if _is_numeric(type_) else Kind.TEXT


def _is_numeric(type_: str) -> bool:
    return type_.startswith(("DOUBLE", "FLOAT", "DECIMAL")) or type_.endswith(("INT", "INTEGER"))


def _time_sql(column: str) -> str:
    """Return the SQL that reads a text as a moment; one without an offset is UTC."""
    return f"coalesce(TRY_CAST({column} AS TIMESTAMPTZ)::TIMESTAMP, try_strptime({column}, {_TIME_FORMATS}))"


def _to_ms(numbers: np.ndarray[Any, Any]) -> float:
    """Return what makes milliseconds of moments that are numbers."""
    most = float(np.max(np.abs(numbers))) if len(numbers) else 0.0
    for limit, factor in ((1e11, 1e3), (1e14, 1.0), (1e17, 1e-3)):
        if most < limit:
            return factor
    return 1e-6


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cause(error: duckdb.Error) -> str:
    """Return the first line of what DuckDB says, without the words that speak to its own users."""
    first: Sequence[str] = str(error).splitlines() or [""]
    return plain(first[0].partition("Error: ")[2] or first[0])[:200]
