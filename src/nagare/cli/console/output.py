"""Rows out, in one of four formats; every command that prints rows prints them here.

JSON, CSV and NDJSON carry data: times in RFC 3339, numbers at full precision, text as it is. A table is for a person:
local time with its offset, numbers aligned, foreign text made harmless.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from nagare.cli.console.invocation import Invocation, OutputFormat, columns, is_terminal
from nagare.cli.console.table import format_table

Row = Sequence[Any]
# One for all rows: making it costs more than a row.
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)

# Cells that are written as they are; to ask each is a third of the time of a million rows.
_PLAIN = frozenset({str, int, float})
_SAFE = frozenset({str, int, bool})


@dataclass(frozen=True, slots=True)
class Rows:
    """Named columns and their rows; ``types`` are DuckDB's names, column by column, where the rows come from SQL."""

    names: Sequence[str]
    rows: Iterable[Row]
    types: Sequence[str] = ()


def write_rows(invocation: Invocation, rows: Rows, stream: TextIO | None = None) -> None:
    """Write ``rows`` in the format that the invocation asks for."""
    stream = stream or sys.stdout
    match invocation.format:
        case OutputFormat.JSON:
            write_json(rows, stream)
        case OutputFormat.NDJSON:
            write_ndjson(rows, stream)
        case OutputFormat.CSV:
            write_csv(rows, stream)
        case OutputFormat.TABLE:
            write_table(invocation, rows, stream)


def write_json(rows: Rows, stream: TextIO) -> None:
    """Write an array of objects, one a line, as they come."""
    separator = "[\n"
    for line in _objects(rows):
        stream.write(separator + line)
        separator = ",\n"
    stream.write("[]\n" if separator == "[\n" else "\n]\n")


def write_ndjson(rows: Rows, stream: TextIO) -> None:
    """Write one object a line."""
    stream.writelines(line + "\n" for line in _objects(rows))


def write_csv(rows: Rows, stream: TextIO) -> None:
    """Write RFC 4180 with a header; null is an empty field."""
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(rows.names)
    writer.writerows([v if type(v) in _PLAIN else _csv_field(v) for v in row] for row in rows.rows)


def write_table(invocation: Invocation, rows: Rows, stream: TextIO) -> None:
    """Write a table for a person, as wide as the terminal."""
    width = columns() if is_terminal() else None
    lines = format_table(rows.names, list(rows.rows), types=rows.types, width=width, is_bold=invocation.has_color)
    stream.writelines(line + "\n" for line in lines)


def write_document(document: Any, stream: TextIO | None = None) -> None:
    """Write one object as JSON on several lines."""
    stream = stream or sys.stdout
    stream.write(json.dumps(jsonable(document), ensure_ascii=False, indent=2) + "\n")


def jsonable(value: Any) -> Any:
    """Return ``value`` with what JSON cannot say (NaN, infinities) as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): jsonable(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(part) for part in value]
    return value


def _objects(rows: Rows) -> Iterator[str]:
    names = unique(rows.names)
    for row in rows.rows:
        yield _encoder.encode({n: v if type(v) in _SAFE else jsonable(v) for n, v in zip(names, row, strict=True)})


def unique(names: Sequence[str]) -> list[str]:
    """Return the names with repeats told apart (``n``, ``n_2``): an object would lose all but one."""
    seen: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 1
        while candidate in seen:
            number += 1
            candidate = f"{name}_{number}"
        seen.add(candidate)
        result.append(candidate)
    return result


def _csv_field(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple, Mapping)):
        return _encoder.encode(jsonable(value))
    return value
