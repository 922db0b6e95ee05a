"""Completes tables and columns inside the SQL argument, metrics, and hosts, from what this machine knows without asking.

Called by the shell at each Tab: it opens no connection and loads nothing heavy. The tables of our own stand in
``model.tables``; those that senders brought are read from the note that ``nagare tables`` leaves in ``run/``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from nagare.cli.console.invocation import invocation_of
from nagare.errors import NagareError
from nagare.model.sql_functions import FUNCTIONS
from nagare.model.tables import TABLES

NOTE = "tables.json"
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*$")
_AFTER_TABLE_WORD = re.compile(r"\b(?:from|join)\s+(?:[a-z0-9_.]+(?:\s+\w+)?\s*,\s*)*$", re.IGNORECASE)
_NAMED = re.compile(r"\b(?:from|join|,)\s*([a-z][a-z0-9_.]*)", re.IGNORECASE)
_WORDS = ("select", "from", "where", "group by", "order by", "limit")

Tables = Mapping[str, Mapping[str, str]]


def complete_sql(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer what may follow at the end of ``incomplete``: a table behind FROM and JOIN, else a column."""
    match = _WORD.search(incomplete)
    word = match[0] if match else ""
    before = incomplete[: len(incomplete) - len(word)]
    return [
        (before + candidate, text)
        for candidate, text in _candidates(before, known_tables(context))
        if candidate.startswith(word.lower())
    ]


def complete_metric(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer ``table.column`` of every column that can be drawn."""
    return [
        (f"{table}.{column}", text)
        for table, columns in known_tables(context).items()
        for column, text in columns.items()
        if column not in ("ts", "host", "") and f"{table}.{column}".startswith(incomplete)
    ]


def complete_table(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer the tables."""
    return [
        (name, columns.get("", "")) for name, columns in known_tables(context).items() if name.startswith(incomplete)
    ]


def known_tables(context: typer.Context) -> Tables:
    """Return the columns, with a sentence each, of every table known without asking; "" is the table's own."""
    tables: dict[str, Mapping[str, str]] = {
        table.name: {"": table.text, "ts": "time, UTC", "host": "host"}
        | {column.name: column.text for column in table.columns}
        for table in TABLES.values()
    }
    return tables | _noted(_data_directory(context))


def write_note(run: Path, tables: Tables) -> None:
    """Leave ``tables`` for later completions; where that is not possible completion knows less, and nothing fails."""
    from nagare.lib.atomic_file import write_atomic

    try:
        if run.is_dir():
            write_atomic(run / NOTE, json.dumps(tables).encode(), durable=False)
    except OSError:
        return


def _candidates(before: str, tables: Tables) -> Iterator[tuple[str, str]]:
    if _AFTER_TABLE_WORD.search(before):
        yield from ((name, columns.get("", "")) for name, columns in tables.items())
        return
    named = [name.lower() for name in _NAMED.findall(before) if name.lower() in tables]
    seen: set[str] = set()
    for name in named or tables:
        for column, text in tables[name].items():
            if column and column not in seen:
                seen.add(column)
                yield column, text
    yield from ((f"{function.name}(", f"({function.arguments}) {function.text}") for function in FUNCTIONS)
    yield from ((word, "") for word in _WORDS if word not in seen)


def _noted(data: Path | None) -> dict[str, Mapping[str, str]]:
    if data is None:
        return {}
    try:
        noted: Any = json.loads((data / "run" / NOTE).read_bytes())
        return {str(name): {str(key): str(text) for key, text in columns.items()} for name, columns in noted.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _data_directory(context: typer.Context) -> Path | None:
    try:
        return invocation_of(context).settings.data
    except NagareError:
        return None
