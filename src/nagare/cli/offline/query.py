"""``nagare query``: one SELECT over the metrics."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nagare.cli.console.completion import complete_sql
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of, is_terminal
from nagare.cli.console.moments import parse_window
from nagare.cli.console.output import Rows, write_rows
from nagare.errors import InputError
from nagare.lib.plain_text import plain_lines

if TYPE_CHECKING:
    from nagare.wire.sql import SqlReply

app = typer.Typer(add_completion=False)
# Longer than any statement that a person keeps in a file; a disk image given by mistake is refused.
_SQL_LIMIT_BYTES = 1 << 20
# What EXPLAIN answers.
_PLAN_COLUMNS = ["explain_key", "explain_value"]


@app.command()
def query(
    context: typer.Context,
    sql: str | None = typer.Argument(
        None, metavar="SQL", help="One SELECT; - reads it from stdin.", autocompletion=complete_sql
    ),
    since: str | None = typer.Option(
        None, "--since", metavar="WHEN", help="Only rows since then, in every table: 15m, 1h, 14:05, 2026-11-20."
    ),
    until: str | None = typer.Option(None, "--until", metavar="WHEN", help="Only rows before then."),
    param: list[str] | None = typer.Option(
        None, "--param", "-p", metavar="NAME=VALUE", help="Value of $NAME in the statement; may repeat."
    ),
    limit: int | None = typer.Option(None, "--limit", "-n", min=1, metavar="ROWS", help="Rows wanted at the most."),
    file: Path | None = typer.Option(None, "--file", "-f", metavar="FILE", help="Read the statement from a file."),
    cardinality: bool = typer.Option(
        False, "--cardinality", help="Instead of a statement: count series by table, metric, label, value and host."
    ),
    top_queries: bool = typer.Option(
        False, "--top-queries", help="Instead of a statement: those that took the live server most time."
    ),
) -> None:
    """Ask the metrics in SQL.

    The live server of this installation answers; while none runs, its files do. `nagare tables` shows what can be
    asked.

    Examples:
      nagare query "select host, avg(busy_ratio) busy from cpu where core='all' group by host" --since 1h
      nagare query 'select * from disk where used_ratio > $most' -p most=0.9 -o csv
      nagare query --cardinality --limit 5
    """
    invocation = invocation_of(context)
    if cardinality or top_queries:
        _check_alone(sql, file, param, since, until, cardinality and top_queries)
        from nagare.cli.offline.load import show_cardinality, show_top_queries

        (show_cardinality if cardinality else show_top_queries)(invocation, limit)
        return
    since_ms, until_ms = parse_window(since, until)
    statement = _statement(sql, file)
    from nagare.cli.offline.source import ask
    from nagare.wire.sql import SqlRequest

    request = SqlRequest(statement, _params(param or []), limit, since_ms=since_ms, until_ms=until_ms)
    reply = ask(invocation.settings, request)
    names = [column.name for column in reply.columns]
    if names == _PLAN_COLUMNS and invocation.format is OutputFormat.TABLE:
        # A plan is a drawing of many lines, no row of a table.
        sys.stdout.writelines(plain_lines(str(text)) + "\n" for _, text in reply.rows)
        return
    write_rows(invocation, Rows(names, reply.rows, [column.type for column in reply.columns]))
    _say(invocation, reply)


def _check_alone(*others: object) -> None:
    """Raise InputError for what makes no sense beside --cardinality and --top-queries."""
    if any(others):
        raise InputError(
            "cannot run query: --cardinality and --top-queries stand alone, but for --limit",
            hint="for example: nagare query --cardinality --limit 5",
        )


def _say(invocation: Invocation, reply: SqlReply) -> None:
    if invocation.is_quiet:
        return
    for text in reply.notes:
        note(f"nagare: {text}")
    count = len(reply.rows)
    if reply.truncated:
        note(f"nagare: only the first {count} rows are shown; there are more (--limit, query.row_limit)")
    elif is_terminal():
        source = "" if reply.tier == "raw" else f" from tier {reply.tier}"
        note(f"{count} {'row' if count == 1 else 'rows'} in {reply.elapsed_ms:.0f} ms{source}")


def _statement(sql: str | None, file: Path | None) -> str:
    if (sql is None) == (file is None):
        raise InputError(
            "cannot run query: give the statement either as an argument or by --file",
            hint='for example: nagare query "select * from load limit 5"',
        )
    if file is not None:
        return _read_statement(file)
    if sql != "-":
        return sql or ""
    return _checked(sys.stdin.buffer.read(_SQL_LIMIT_BYTES + 1), "stdin")


def _read_statement(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return _checked(stream.read(_SQL_LIMIT_BYTES + 1), str(file))
    except OSError as error:
        raise InputError(f"cannot read statement {file}: {(error.strerror or 'unreadable').lower()}") from error


def _checked(content: bytes, source: str) -> str:
    if len(content) > _SQL_LIMIT_BYTES:
        raise InputError(f"cannot read statement from {source}: it is longer than 1 MiB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read statement from {source}: not UTF-8 at byte {error.start}") from None


def _params(pairs: list[str]) -> dict[str, Any] | None:
    params = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"cannot use parameter {pair!r}: it must read NAME=VALUE", hint="for example: -p most=0.9")
        params[name] = _value(value)
    return params or None


def _value(text: str) -> Any:
    # 5, 0.9, true and null are what they look like; everything else is text, and quotes make a number text.
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, (dict, list)) else value
