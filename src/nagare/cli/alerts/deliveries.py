"""The verbs of ``nagare notifications`` that ask a server: what was told, how it went, and trying again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nagare.cli.alerts.choice import whole_id
from nagare.cli.alerts.shown import document_of, severity_word, write_documents, write_properties
from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.moments import parse_moment
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.cli.exit_codes import BAD
from nagare.lib.units import format_seconds

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.client.notify import NotifyCalls
    from nagare.wire.notify import NotificationDetail, NotificationView, ReceiversView, RouteView

T = TypeVar("T")
_COLUMNS = ("id", "state", "severity", "channel", "reason", "alerts", "made", "done", "tries", "fault")
_TIMES = ("", "", "", "", "", "", "TIMESTAMP", "TIMESTAMP", "", "")
_STATES = ("waiting", "sent", "dead", "dropped")
# Who means an older one takes its whole id.
_LOOKED_AT = 1000
# Between two looks at a test that is on its way.
_LOOK_SECONDS = 0.5


def _complete_state(incomplete: str) -> list[str]:
    return [state for state in _STATES if state.startswith(incomplete)]


Id = Annotated[str, typer.Argument(metavar="ID", help="The notification; the end of its id is shown in lists.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Notifications.")]
StateWords = Annotated[
    str,
    typer.Option(
        "--state",
        metavar="WORDS",
        help="Only waiting, sent, dead or dropped, by commas.",
        autocompletion=_complete_state,
    ),
]
Channel = Annotated[str, typer.Option("--channel", metavar="KEY", help="Only on this channel: ops/phone.")]
Receiver = Annotated[str, typer.Option("--receiver", metavar="NAME", help="Only for this receiver.")]
Incident = Annotated[str, typer.Option("--incident", metavar="ID", help="Only of this incident.")]
Since = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="Only made since: 1h, 2026-11-20.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, metavar="ROWS", help="At the most.")]
Check = Annotated[bool, typer.Option("--check", help="End with 1 when any of them is dead.")]
Tested = Annotated[str, typer.Argument(metavar="RECEIVER", help="A receiver, a rotation or an escalation.")]
Wait = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=0, max=3600, help="How long to wait for all of it.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs to ``app``."""
    app.command("list")(list_notifications)
    app.command()(show)
    app.command()(retry)
    app.command()(drop)
    app.command()(receivers)
    app.command("test")(try_receiver)


def list_notifications(
    context: typer.Context,
    state: StateWords = "",
    channel: Channel = "",
    receiver: Receiver = "",
    incident: Incident = "",
    since: Since = None,
    limit: Limit = 100,
    check: Check = False,
) -> None:
    """List notifications, the newest first: what was told to whom, and how that went.

    Examples:
      nagare notifications list --state dead
      nagare notifications list --since 1d --channel ops/phone -o csv
    """
    invocation = invocation_of(context)
    wanted = {
        "state": state,
        "channel": channel,
        "receiver": receiver,
        "incident": incident,
        "since_ms": str(parse_moment(since)) if since else "",
    }
    found = call_notify(invocation, lambda calls: calls.notifications(limit, **wanted))
    write_notifications(invocation, found)
    if check and any(one.state == "dead" for one in found):
        raise typer.Exit(BAD)


def show(context: typer.Context, notification_id: Id) -> None:
    """Show a notification, what it tells, and every try to send it.

    Example:
      nagare notifications show 3f2a9c0d4b5e6f708192a3b4c5d6e7f8.1.0a1b2c3d4e5f
    """
    invocation = invocation_of(context)

    async def fetch(calls: NotifyCalls) -> NotificationDetail:
        return await calls.notification(await _whole(calls, notification_id))

    detail = call_notify(invocation, fetch)
    if invocation.format is OutputFormat.JSON:
        write_document(document_of(detail))
    elif invocation.format is not OutputFormat.TABLE:
        write_documents(invocation, detail.attempts)
    else:
        view = detail.notification
        write_properties(invocation, document_of(view) | {"severity": severity_word(view.severity)})
        lines = [(line.state, line.name, line.host, line.summary) for line in (*detail.firing, *detail.resolved)]
        write_rows(invocation, Rows(("state", "alert", "host", "summary"), lines))
        tries = [(one.number, one.at, format_seconds(one.took_seconds), one.fault or "sent") for one in detail.attempts]
        write_rows(invocation, Rows(("try", "at", "took", "outcome"), tries, ("", "TIMESTAMP", "", "")))


def retry(context: typer.Context, ids: Ids) -> None:
    """Send notifications again that are dead or were dropped.

    Example:
      nagare notifications retry 3f2a9c0d4b5e6f708192a3b4c5d6e7f8.1.0a1b2c3d4e5f
    """
    _change(context, ids, lambda calls, one: calls.retry(one))


def drop(context: typer.Context, ids: Ids) -> None:
    """Give notifications up that wait or are dead.

    Example:
      nagare notifications drop 3f2a9c0d4b5e6f708192a3b4c5d6e7f8.1.0a1b2c3d4e5f
    """
    _change(context, ids, lambda calls, one: calls.drop(one))


def receivers(context: typer.Context) -> None:
    """Show whom alerts go to: routes with their receivers, channels, and who is on duty now.

    Examples:
      nagare notifications receivers
      nagare notifications receivers -o json
    """
    invocation = invocation_of(context)
    found = call_notify(invocation, lambda calls: calls.receivers())
    if invocation.format is OutputFormat.JSON:
        write_document(document_of(found))
        return
    write_rows(invocation, Rows(("route", "goes to", "reaches now", "grouped by", "quiet in"), _routes(found)))
    channels = [
        (channel.key, channel.kind, severity_word(channel.severity), channel.waiting, one.fallback)
        for one in found.receivers
        for channel in one.channels
    ]
    write_rows(invocation, Rows(("channel", "kind", "from severity", "waiting", "fallback"), channels))
    if found.fault and not invocation.is_quiet:
        note(f"nagare: the file of notifications has a fault, and what held before holds on: {found.fault}")


def try_receiver(context: typer.Context, receiver: Tested, wait: Wait = 60.0) -> None:
    """Send a test on every channel that a receiver may be reached by, and wait for what comes of it.

    It ends with 1 when a channel did not take it, or not in time.

    Example:
      nagare notifications test ops
    """
    invocation = invocation_of(context)

    async def work(calls: NotifyCalls) -> list[NotificationView]:
        return await _settled(calls, await calls.test(receiver), wait)

    found = call_notify(invocation, work)
    write_notifications(invocation, found)
    if any(one.state != "sent" for one in found):
        raise typer.Exit(BAD)


def write_notifications(invocation: Invocation, found: Sequence[NotificationView]) -> None:
    """Write notifications: a line each for a person, all of them for a program."""
    if invocation.format is OutputFormat.TABLE:
        write_rows(invocation, Rows(_COLUMNS, [_row(one) for one in found], _TIMES))
    else:
        write_documents(invocation, found)


def call_notify(invocation: Invocation, work: Callable[[NotifyCalls], Awaitable[T]]) -> T:
    """Return what ``work`` makes of the calls. Raises errors of ``nagare.errors``."""
    from nagare.client.notify import NotifyCalls

    async def run_call(client: Client) -> T:
        return await work(NotifyCalls(client))

    return call(invocation.settings, run_call)


async def _settled(calls: NotifyCalls, made: list[NotificationView], wait: float) -> list[NotificationView]:
    """Return ``made`` as they are once none waits any more, or ``wait`` seconds are over."""
    from nagare.lib.clock import SystemClock

    clock = SystemClock()
    end = clock.monotonic() + wait
    while any(one.state == "waiting" and not one.fault for one in made) and clock.monotonic() < end:
        await clock.sleep(_LOOK_SECONDS)
        made = [(await calls.notification(one.id)).notification for one in made]
    return made


async def _whole(calls: NotifyCalls, text: str) -> str:
    return whole_id("notification", text, [one.id for one in await calls.notifications(_LOOKED_AT)])


def _change(
    context: typer.Context, ids: list[str], verb: Callable[[NotifyCalls, str], Awaitable[NotificationView]]
) -> None:
    invocation = invocation_of(context)

    async def work(calls: NotifyCalls) -> list[NotificationView]:
        return [await verb(calls, await _whole(calls, one)) for one in dict.fromkeys(ids)]

    found = call_notify(invocation, work)
    if invocation.wants_json_errors:
        write_documents(invocation, found)
    elif not invocation.is_quiet:
        for one in found:
            note(f"nagare: notification {one.id} on {one.channel} is {one.state}")


def _row(one: NotificationView) -> tuple[object, ...]:
    names = ", ".join(one.alertnames)
    alerts = f"{names} ({one.firing} firing, {one.resolved} resolved)"
    return (
        one.id,
        one.state,
        severity_word(one.severity),
        one.channel,
        one.reason,
        alerts,
        one.made_at,
        one.done_at,
        one.tries,
        one.fault,
    )


def _routes(found: ReceiversView) -> list[tuple[object, ...]]:
    reached = {one.name: one.on_call for one in found.rotations}
    reached |= {one.name: " · ".join(", ".join(step.reaches) for step in one.steps) for one in found.escalations}
    held = {one.name for one in found.mutes if one.holds}

    def walk(route: RouteView, depth: int) -> list[tuple[object, ...]]:
        rest = "everything else" if route.routes else "everything"
        name = "  " * depth + (", ".join(route.matchers) or rest)
        quiet = ", ".join(f"{mute} (now)" if mute in held else mute for mute in route.mutes)
        row = (name, route.receiver, reached.get(route.receiver, route.receiver), ", ".join(route.group_by), quiet)
        return [row, *(line for below in route.routes for line in walk(below, depth + 1))]

    return walk(found.route, 0)
