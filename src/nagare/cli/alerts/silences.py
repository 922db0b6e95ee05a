"""``nagare silences``: which alerts nobody is told of, until when, and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nagare.cli.alerts.choice import matching, whole_id
from nagare.cli.alerts.shown import SHORT, write_alerts, write_documents
from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.moments import parse_moment
from nagare.cli.console.output import Rows, write_rows
from nagare.errors import InputError
from nagare.lib.units import format_seconds, parse_duration
from nagare.model.alert.matcher import Matcher, parse_matchers

if TYPE_CHECKING:
    from nagare.client.alerts import SilenceCalls
    from nagare.client.client import Client
    from nagare.wire.alerts import AlertView, SilenceView

T = TypeVar("T")
app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("id", "state", "matchers", "until", "idle", "alerts", "owner", "reason")
_TIMES = ("", "", "", "TIMESTAMP", "", "", "", "")

Matchers = Annotated[
    list[str], typer.Argument(metavar="MATCHER", help="Labels that hold together: host=web1, mount=~/srv.*.")
]
Reason = Annotated[str, typer.Option("--reason", "-m", metavar="TEXT", help="Why; it is shown with each alert.")]
Lasts = Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 30m, 2h, 7d.")]
Starts = Annotated[
    str, typer.Option("--starts", metavar="WHEN", help="From then: 2h (from now), 22:00, 2026-11-20T22:00; else now.")
]
Idle = Annotated[str, typer.Option("--idle", metavar="TIME", help="It ends when nothing matched for so long.")]
Check = Annotated[bool, typer.Option("--check", help="Show the alerts that it would match, and make nothing.")]
All = Annotated[bool, typer.Option("--all", help="Also those that are over.")]


@app.callback()
def silences(context: typer.Context) -> None:
    """List, make and end silences.

    Without a verb it lists those that are open or to come.

    Examples:
      nagare silences
      nagare silences add host=web1 --for 2h --reason "new disks"
      nagare silences end 3f2a9c0d
    """
    if context.invoked_subcommand is None:
        list_silences(context)


@app.command("list")
def list_silences(context: typer.Context, everything: All = False) -> None:
    """List silences, the newest first; those that are over for a month, by --all.

    Example:
      nagare silences list --all -o json
    """
    invocation = invocation_of(context)
    found = _call(invocation, lambda calls: calls.silences())
    shown = [silence for silence in found if everything or silence.state != "over"]
    if invocation.format is OutputFormat.TABLE:
        write_rows(invocation, Rows(_COLUMNS, [_row(silence) for silence in shown], _TIMES))
    else:
        write_documents(invocation, shown)


@app.command()
def add(
    context: typer.Context,
    matchers: Matchers,
    lasts: Lasts = "",
    reason: Reason = "",
    idle: Idle = "",
    starts: Starts = "",
    check: Check = False,
) -> None:
    """Tell nobody of alerts that match, for a time. They go on being judged and shown.

    Examples:
      nagare silences add host=web1 alertname=DiskFull --check
      nagare silences add host=web1 --for 2h --reason "new disks" --idle 30m
    """
    from nagare.wire.alerts import SilenceRequest

    invocation = invocation_of(context)
    meant = parse_matchers(matchers)
    if check:
        _show_matching(invocation, meant)
        return
    if not lasts or not reason.strip():
        missing = "how long is it to last?" if not lasts else "no reason is given"
        raise InputError(f"cannot make silence: {missing}", hint='for example: --for 2h --reason "new disks"')
    request = SilenceRequest(
        [str(matcher) for matcher in meant],
        reason,
        parse_duration(lasts),
        _start(starts) if starts else None,
        parse_duration(idle) if idle else None,
    )
    _told(invocation, [_call(invocation, lambda calls: calls.add(request))])


@app.command()
def end(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Silences; the first characters of an id will do.")],
) -> None:
    """End silences now: people are told of what matches again.

    Example:
      nagare silences end 3f2a9c0d
    """
    invocation = invocation_of(context)

    async def change(calls: SilenceCalls) -> list[SilenceView]:
        known = [silence.id for silence in await calls.silences()]
        meant = [whole_id("silence", text, known) for text in ids]
        return [await calls.end(one) for one in dict.fromkeys(meant)]

    _told(invocation, _call(invocation, change))


def _show_matching(invocation: Invocation, meant: Sequence[Matcher]) -> None:
    from nagare.client.alerts import AlertCalls

    async def fetch(client: Client) -> list[AlertView]:
        return await matching(AlertCalls(client), meant)

    found = call(invocation.settings, fetch)
    write_alerts(invocation, found)
    if not invocation.is_quiet:
        note(f"nagare: {_count(len(found))} that {'is' if len(found) == 1 else 'are'} active would be silenced")


def _told(invocation: Invocation, found: list[SilenceView]) -> None:
    if invocation.wants_json_errors:
        write_documents(invocation, found)
    elif not invocation.is_quiet:
        for one in found:
            what = f"is over ({one.cause})" if one.state == "over" else f"is {one.state} until {one.until_at}"
            matched = f"; it matches {_count(one.matches)} now" if one.state == "open" else ""
            note(f"nagare: silence {one.id[:SHORT]} ({', '.join(one.matchers)}) {what}{matched}")


def _count(count: int) -> str:
    return f"{count} {'alert' if count == 1 else 'alerts'}"


def _start(text: str) -> int:
    from nagare.lib.clock import SystemClock

    try:
        # A silence begins in some time, never some time ago.
        return SystemClock().now_ms() + round(parse_duration(text) * 1000)
    except InputError:
        return parse_moment(text)


def _row(silence: SilenceView) -> tuple[object, ...]:
    idle = "" if silence.idle_seconds is None else format_seconds(silence.idle_seconds)
    reason = f"{silence.reason} ({silence.cause})" if silence.cause else silence.reason
    matchers = ", ".join(silence.matchers)
    return silence.id[:SHORT], silence.state, matchers, silence.until_at, idle, silence.matches, silence.owner, reason


def _call(invocation: Invocation, work: Callable[[SilenceCalls], Awaitable[T]]) -> T:
    from nagare.client.alerts import SilenceCalls

    async def run_call(client: Client) -> T:
        return await work(SilenceCalls(client))

    return call(invocation.settings, run_call)
