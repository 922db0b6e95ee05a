"""What DuckDB says, as our errors: short, without its internals, with the nearest name where one is meant."""

from __future__ import annotations

import re
from collections.abc import Collection

import duckdb

from nagare.errors import (
    CorruptBlockError,
    DeadlineExceededError,
    NagareError,
    QuerySyntaxError,
    ResultTooLargeError,
    StorageError,
)
from nagare.lib.nearest import did_you_mean

_PREFIX = re.compile(r"^[A-Za-z ]+ Error: ")
_CANDIDATES = re.compile(r"Candidate bindings: (.*)")
_COLUMN = re.compile(r'[Cc]olumn (?:named )?"([^"]+)"')
_CALLERS_FAULT = (
    duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException, duckdb.ConversionException,
    duckdb.InvalidInputException, duckdb.OutOfRangeException, duckdb.TypeMismatchException,
    duckdb.NotImplementedException, duckdb.SyntaxException, duckdb.InvalidTypeException, duckdb.SequenceException,
)  # fmt: skip


def parser_error(error: duckdb.Error) -> QuerySyntaxError:
    """Return our error for text that does not parse."""
    return QuerySyntaxError(f"cannot run SQL: {first_line(error)}", hint=_place(error))


def first_line(error: duckdb.Error) -> str:
    """Return the first sentence of what DuckDB says, without its kind, in lower case and without a full stop."""
    text = _PREFIX.sub("", str(error).split("\n", 1)[0]).strip().rstrip(".!")
    return text[:1].lower() + text[1:]


def query_error(error: duckdb.Error, columns: Collection[str]) -> NagareError:
    """Return our error for a statement that failed while it was bound or ran."""
    if isinstance(error, duckdb.InterruptException):
        return DeadlineExceededError(
            "cannot finish query: its deadline passed", hint="ask for less: a shorter time, fewer columns"
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return ResultTooLargeError(
            "cannot run query: it needs more memory than all queries may use", hint="ask for less, or aggregate"
        )
    if isinstance(error, duckdb.BinderException) and (found := _COLUMN.search(str(error))):
        name = found[1]
        return QuerySyntaxError(f"cannot run SQL: {first_line(error)}", hint=did_you_mean(name, columns))
    if isinstance(error, _CALLERS_FAULT) and "Parquet" not in str(error):
        return QuerySyntaxError(f"cannot run SQL: {first_line(error)}", hint=_place(error))
    if isinstance(error, (duckdb.IOException, duckdb.InvalidInputException)):
        return CorruptBlockError(f"cannot read block: {first_line(error)}", hint="see `nagare doctor`")
    return StorageError(f"cannot run query: {first_line(error)}")


def _place(error: duckdb.Error) -> str:
    """Return the line that DuckDB points at, with its caret, as one hint."""
    lines = str(error).split("\n")
    at = next((number for number, line in enumerate(lines) if line.startswith("LINE ")), None)
    if at is None or at + 1 >= len(lines):
        return ""
    return f"near {lines[at].partition(':')[2].strip()[:120]!r}"
