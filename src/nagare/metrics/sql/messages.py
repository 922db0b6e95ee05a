"""What DuckDB says, as our errors: short, without its internals, with the nearest name where one is meant."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise
from typing import Any

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
_SHOWN_LINE = re.compile(r"LINE (?P<line>\d{1,6}): (?P<text>.*)")
# What a statement is asked with for its columns, before it runs.
_DESCRIBE = "DESCRIBE "
_COLUMN = re.compile(r'[Cc]olumn (?:named )?"([^"]+)"')
_CALLERS_FAULT = (
    duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException, duckdb.ConversionException,
    duckdb.InvalidInputException, duckdb.OutOfRangeException, duckdb.TypeMismatchException,
    duckdb.NotImplementedException, duckdb.SyntaxException, duckdb.InvalidTypeException, duckdb.SequenceException,
)  # fmt: skip


# The system, not DuckDB, had no more memory; DuckDB tells it as any kind of error.
_ALLOCATION = "allocation failure"
# What our own guard around an answer raises; a caller's SQL cannot.
CELL_TOO_LARGE = "nagare: a value of the answer is too large"

# What DuckDB says here may quote the value that it stumbled over.
_NAME_VALUES = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)


def is_about_memory(error: duckdb.Error) -> bool:
    """Tell whether the system had no memory for DuckDB, whatever kind of error that became."""
    return _ALLOCATION in str(error).lower()


def parser_error(error: duckdb.Error) -> NagareError:
    """Return our error for text that does not parse."""
    if is_about_memory(error):
        return memory_error()
    return QuerySyntaxError(f"cannot run SQL: {first_line(error)}", hint=_place(error), errors=_pointers(error))


def first_line(error: duckdb.Error) -> str:
    """Return the first sentence of what DuckDB says, without its kind, in lower case and without a full stop."""
    text = _PREFIX.sub("", str(error).split("\n", 1)[0]).strip().rstrip(".!")
    return text[:1].lower() + text[1:]


def query_error(error: duckdb.Error, columns: Collection[str], *, tells_values: bool = True) -> NagareError:
    """Return our error for a statement that failed while it was bound or ran.

    Without ``tells_values`` no value of a row is told: it might be one of a host that the caller may not see.
    """
    if isinstance(error, duckdb.InterruptException):
        return deadline_error()
    if isinstance(error, duckdb.OutOfMemoryException) or is_about_memory(error):
        return memory_error()
    if isinstance(error, duckdb.InvalidInputException) and str(error).endswith(CELL_TOO_LARGE):
        return cell_error()
    if _is_about_block(error):
        return CorruptBlockError(f"cannot read block: {first_line(error)}", hint="see `nagare doctor`")
    if isinstance(error, _CALLERS_FAULT):
        return _callers_error(error, columns, tells_values=tells_values)
    return StorageError(f"cannot run query: {first_line(error)}")


def _is_about_block(error: duckdb.Error) -> bool:
    # A caller's statement names no file; it may hold the words of one, but hardly a block's path in what DuckDB says first.
    said = str(error).split("\n", 1)[0]
    return isinstance(error, duckdb.IOException) or (
        isinstance(error, duckdb.InvalidInputException) and "/date=" in said and ".parquet" in said
    )


def may_be_block(error: duckdb.Error) -> bool:
    """Tell whether a block that does not read back could be behind ``error``; values and time are not."""
    is_callers = isinstance(error, _CALLERS_FAULT) and not isinstance(error, duckdb.BinderException)
    is_limit = isinstance(error, (duckdb.InterruptException, duckdb.OutOfMemoryException)) or is_about_memory(error)
    return _is_about_block(error) or not (is_callers or is_limit)


def memory_error() -> ResultTooLargeError:
    """Return the error for a query that takes more memory than there is for queries."""
    return ResultTooLargeError(
        "cannot run query: it needs more memory than all queries may use", hint="ask for less, or aggregate"
    )


def cell_error() -> ResultTooLargeError:
    """Return the error for one value that is too large to be answered."""
    return ResultTooLargeError(
        "cannot answer query: one value of it exceeds 1 MiB of text or 10000 entries",
        hint="aggregate fewer rows into it, or answer rows instead of one value",
    )


def deadline_error() -> DeadlineExceededError:
    """Return the error for a query that took too long."""
    return DeadlineExceededError(
        "cannot finish query: its deadline passed", hint="ask for less: a shorter time, fewer columns"
    )


def _callers_error(error: duckdb.Error, columns: Collection[str], *, tells_values: bool) -> QuerySyntaxError:
    if isinstance(error, _NAME_VALUES) and not tells_values:
        return QuerySyntaxError("cannot run SQL: a value does not fit what is done with it", hint="use TRY_CAST")
    hint = _place(error)
    if isinstance(error, duckdb.BinderException) and (found := _COLUMN.search(str(error))):
        hint = did_you_mean(found[1], columns)
    return QuerySyntaxError(f"cannot run SQL: {first_line(error)}", hint=hint, errors=_pointers(error))


def _pointers(error: duckdb.Error) -> list[dict[str, Any]]:
    """Return line and column of what DuckDB's caret points at, counted from 1; nothing where it shows a part of the line."""
    lines = str(error).split("\n")
    for line, carets in pairwise(lines):
        shown = _SHOWN_LINE.fullmatch(line)
        if shown is None or "^" not in carets or shown["text"].startswith("..."):
            continue
        described = len(_DESCRIBE) if shown["text"].startswith(_DESCRIBE) else 0
        column = carets.index("^") - shown.start("text") - described
        detail = first_line(error)
        return [{"pointer": "#/sql", "line": int(shown["line"]), "column": max(0, column) + 1, "detail": detail}]
    return []


def _place(error: duckdb.Error) -> str:
    """Return the line that DuckDB points at, with its caret, as one hint."""
    lines = str(error).split("\n")
    at = next((number for number, line in enumerate(lines) if line.startswith("LINE ")), None)
    if at is None or at + 1 >= len(lines):
        return ""
    return f"near {lines[at].partition(':')[2].strip().removeprefix(_DESCRIBE)[:120]!r}"
