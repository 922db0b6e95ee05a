"""``nagare heartbeats``: signs of life that are waited for, and sending one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nagare.cli.alerts.shown import write_documents
from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.exit_codes import BAD
from nagare.lib.units import format_seconds, parse_duration

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.client.heartbeats import HeartbeatCalls
    from nagare.wire.heartbeats import HeartbeatView

T = TypeVar("T")
app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("name", "state", "late", "seen", "every", "grace", "took", "sender", "said")
_TIMES = ("", "", "", "TIMESTAMP", "", "", "", "", "")
_LOST = ("missing", "failed")

Check = Annotated[bool, typer.Option("--check", help="End with 1 when any of them is missing or failed.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="As the configuration of notifications calls it.")]
Failed = Annotated[bool, typer.Option("--failed", help="Say that the work failed.")]
Text = Annotated[str, typer.Option("--text", "-m", metavar="TEXT", help="What there is to say, such as its last line.")]
Took = Annotated[str, typer.Option("--took", metavar="TIME", help="How long the work took: 90s, 12m.")]


@app.callback()
def heartbeats(context: typer.Context) -> None:
    """List heartbeats, and send one.

    Without a verb it lists them.

    Examples:
      nagare heartbeats
      nagare heartbeats send backup --took 12m
    """
    if context.invoked_subcommand is None:
        list_heartbeats(context)


@app.command("list")
def list_heartbeats(context: typer.Context, check: Check = False) -> None:
    """List the heartbeats that are waited for, by name.

    Example:
      nagare heartbeats list --check --quiet
    """
    invocation = invocation_of(context)
    found = _call(invocation, lambda calls: calls.heartbeats())
    if invocation.format is OutputFormat.TABLE:
        write_rows(invocation, Rows(_COLUMNS, [_row(one) for one in found], _TIMES))
    else:
        write_documents(invocation, found)
    if check and any(one.state in _LOST for one in found):
        raise typer.Exit(BAD)


@app.command()
def send(context: typer.Context, name: Name, failed: Failed = False, text: Text = "", took: Took = "") -> None:
    """Send a heartbeat: the sign that work was done, or that it failed.

    Examples:
      nagare heartbeats send backup
      nagare heartbeats send backup --failed --text "no space left on /srv"
    """
    from nagare.wire.heartbeats import HeartbeatPing

    invocation = invocation_of(context)
    ping = HeartbeatPing(not failed, text, parse_duration(took) if took else None)
    found = _call(invocation, lambda calls: calls.send(name, ping))
    if invocation.wants_json_errors:
        write_documents(invocation, [found])
    elif not invocation.is_quiet:
        note(f"nagare: heartbeat {found.name} is kept{' as failed' if found.is_failed else ''}; due by {found.due_at}")


def _row(view: HeartbeatView) -> tuple[object, ...]:
    late = format_seconds(view.late_seconds) if view.late_seconds else ""
    took = "" if view.took_seconds is None else format_seconds(view.took_seconds)
    every, grace = format_seconds(view.every_seconds), format_seconds(view.grace_seconds)
    return view.name, view.state, late, view.seen_at, every, grace, took, view.sender, view.said


def _call(invocation: Invocation, work: Callable[[HeartbeatCalls], Awaitable[T]]) -> T:
    from nagare.client.heartbeats import HeartbeatCalls

    async def run_call(client: Client) -> T:
        return await work(HeartbeatCalls(client))

    return call(invocation.settings, run_call)
