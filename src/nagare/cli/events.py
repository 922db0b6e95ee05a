"""``nagare events``: what happened, and people's notes beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.moments import parse_moment, parse_window
from nagare.cli.console.output import Rows, write_rows
from nagare.errors import InputError
from nagare.lib.nearest import did_you_mean
from nagare.model.event import Severity

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.events import EventView

app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("ts", "host", "kind", "severity", "source", "text", "attributes", "id")


@app.callback()
def events(context: typer.Context) -> None:
    """List events, or add a note.

    Without a verb it lists the newest.

    Examples:
      nagare events
      nagare events list --since 1d --host web1 --kind unit.failed
      nagare events add "deployed 4.2" --host web1
    """
    if context.invoked_subcommand is None:
        _write_list(invocation_of(context), (None, None), host=None, kind=None, limit=100)


@app.command("list")
def list_events(
    context: typer.Context,
    since: str | None = typer.Option(None, "--since", metavar="WHEN", help="Only events since then: 1h, 2026-11-20."),
    until: str | None = typer.Option(None, "--until", metavar="WHEN", help="Only events before then."),
    host: str | None = typer.Option(None, "--host", metavar="NAME", help="Only events of this host."),
    kind: str | None = typer.Option(None, "--kind", metavar="KIND", help="Only this kind, such as agent.start."),
    limit: int = typer.Option(100, "--limit", "-n", min=1, max=10_000, metavar="ROWS", help="Events at the most."),
) -> None:
    """List events, newest first.

    Example:
      nagare events list --since 1h -o ndjson
    """
    _write_list(invocation_of(context), parse_window(since, until), host=host, kind=kind, limit=limit)


@app.command()
def add(
    context: typer.Context,
    text: str = typer.Argument(metavar="TEXT", help="One sentence."),
    host: str = typer.Option("", "--host", metavar="NAME", help="The host it is about."),
    severity: str = typer.Option("info", "--severity", metavar="WORD", help="info, warning, high or critical."),
    kind: str = typer.Option("note", "--kind", metavar="KIND", help="Its kind, in dotted words."),
    at: str | None = typer.Option(None, "--at", metavar="WHEN", help="When it happened, if not now: 10m, 14:05."),
) -> None:
    """Add a note; charts and lists show it at its time.

    Example:
      nagare events add "replaced the fan" --host web1 --at 14:05
    """
    invocation = invocation_of(context)
    level = _severity(severity)
    moment = parse_moment(at) if at else None

    async def send(client: Client) -> list[str]:
        from nagare.wire.events import EventRequest

        return await client.post_events([EventRequest(text, kind, level, host, ts=moment)])

    ids = call(invocation.settings, send)
    if invocation.output is not None:
        write_rows(invocation, Rows(("id",), [(identity,) for identity in ids]))
    elif not invocation.is_quiet:
        note(f"nagare: event {', '.join(ids)} is stored")


def _severity(word: str) -> int:
    words = [level.name.lower() for level in Severity]
    if word.lower() in words:
        return words.index(word.lower())
    raise InputError(
        f"cannot use severity {word!r}: there is no such one",
        hint=did_you_mean(word, words) or f"use one of {', '.join(words)}",
    )


def _write_list(
    invocation: Invocation, window: tuple[int | None, int | None], *, host: str | None, kind: str | None, limit: int
) -> None:
    async def fetch(client: Client) -> list[EventView]:
        return await client.events(window[0], window[1], host, kind, limit)

    found = call(invocation.settings, fetch)
    rows = [(_time(view.ts), *(getattr(view, name) for name in _COLUMNS[1:])) for view in found]
    if invocation.format is not OutputFormat.TABLE:
        write_rows(invocation, Rows(_COLUMNS, rows))
        return
    # A person reads the word of a severity, and has no use for the id.
    shown = [(*row[:3], _word(row[3]), *row[4:6]) for row in rows]
    write_rows(invocation, Rows(_COLUMNS[:6], shown, ("TIMESTAMP", "", "", "", "", "")))


def _word(severity: int) -> str:
    try:
        return Severity(severity).name.lower()
    except ValueError:
        return str(severity)


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
