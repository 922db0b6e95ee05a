"""``nagare hosts note`` and ``nagare hosts maintenance``: what people do with hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note as say
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.moments import parse_moment
from nagare.cli.console.output import Rows, write_rows
from nagare.errors import InputError
from nagare.lib.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nagare.client.client import Client
    from nagare.wire.groups import GroupView
    from nagare.wire.maintenance import RecurrenceDocument, WindowRequest, WindowView
    from nagare.wire.notes import NoteView

_Many = list[str] | None


def groups(context: typer.Context) -> None:
    """List the groups of hosts: those that labels `group` name, comma separated, and those of `fleet.groups`.

    Examples:
      nagare hosts groups
      nagare hosts label web1 group=web,lab
    """
    from nagare.client.upkeep import Upkeep

    invocation = invocation_of(context)

    async def fetch(client: Client) -> list[GroupView]:
        return await Upkeep(client).groups()

    is_table = invocation.format is OutputFormat.TABLE
    rows = [
        (group.name, group.text, len(group.hosts), " ".join(group.hosts) if is_table else group.hosts)
        for group in call(invocation.settings, fetch)
    ]
    write_rows(invocation, Rows(("group", "text", "count", "hosts"), rows))


def note(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The host.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to write down; nothing lists the notes.")] = "",
    remove: Annotated[str, typer.Option("--remove", metavar="ID", help="Forget the note of that id.")] = "",
) -> None:
    """Write a note on a host down, list its notes, or remove one.

    Examples:
      nagare hosts note web1 "the left power supply was changed"
      nagare hosts note web1
    """
    from nagare.client.upkeep import Upkeep

    invocation = invocation_of(context)

    async def work(client: Client) -> list[NoteView]:
        upkeep = Upkeep(client)
        if remove:
            await upkeep.remove_note(name, remove)
        if text:
            await upkeep.add_note(name, text)
        return await upkeep.notes(name)

    rows = [(one.at, one.author, one.text, one.id) for one in call(invocation.settings, work)]
    write_rows(invocation, Rows(("at", "author", "text", "id"), rows, ("TIMESTAMP", "", "", "")))


def maintenance(
    context: typer.Context,
    names: Annotated[_Many, typer.Argument(metavar="[NAME]...", help="Hosts; nothing lists the windows.")] = None,
    group: Annotated[_Many, typer.Option("--group", metavar="NAME", help="Hosts of this group.")] = None,
    label: Annotated[_Many, typer.Option("--label", metavar="KEY=VALUE", help="Hosts with all these labels.")] = None,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="What is done; everybody sees it.")] = "",
    lasts: Annotated[str, typer.Option("--for", metavar="TIME", help="How long, or how long each time: 2h.")] = "",
    since: Annotated[str, typer.Option("--from", metavar="WHEN", help="From then: 2026-11-20T22:00; else now.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="WHEN", help="Until then.")] = "",
    at: Annotated[str, typer.Option("--at", metavar="HH:MM", help="Again and again, at this time of the clock.")] = "",
    day: Annotated[_Many, typer.Option("--day", metavar="DAY", help="Only on this day: mon … sun.")] = None,
    zone: Annotated[str, typer.Option("--zone", metavar="ZONE", help="The clock's zone: Europe/Berlin.")] = "UTC",
    end: Annotated[str, typer.Option("--end", metavar="ID", help="End the window of that id.")] = "",
) -> None:
    """Say that hosts are in maintenance, now or again and again; list such windows, or end one.

    Examples:
      nagare hosts maintenance web1 web2 --for 2h --why "new disks"
      nagare hosts maintenance --group db --at 02:00 --day sun --zone Europe/Berlin --for 1h --why backups
      nagare hosts maintenance --end 5f0c…
    """
    from nagare.client.upkeep import Upkeep

    invocation = invocation_of(context)
    is_new = bool(names or group or label)
    request = _request((names, group, label), why, _time(lasts, since, until, at, day, zone)) if is_new else None

    async def work(client: Client) -> list[WindowView]:
        upkeep = Upkeep(client)
        if end:
            await upkeep.end_window(end)
        made = None if request is None else await upkeep.make_window(request)
        return await upkeep.windows() if made is None else [made]

    _write(invocation, call(invocation.settings, work))
    if end and not invocation.is_quiet:
        say(f"nagare: maintenance window {end} is ended")


_Time = tuple["int | None", "int | None", "RecurrenceDocument | None"]


def _time(lasts: str, since: str, until: str, at: str, days: _Many, zone: str) -> _Time:
    from nagare.lib.clock import SystemClock
    from nagare.wire.maintenance import RecurrenceDocument

    from_ms = parse_moment(since) if since else None
    until_ms = parse_moment(until) if until else None
    if at:
        if not lasts:
            raise InputError("cannot make maintenance window: how long is it each time?", hint="for example: --for 1h")
        return from_ms, until_ms, RecurrenceDocument(at, parse_duration(lasts), zone, days or [])
    if days:
        raise InputError("cannot make maintenance window: at what time of that day?", hint="for example: --at 02:00")
    if lasts and until_ms is None:
        begin_ms = SystemClock().now_ms() if from_ms is None else from_ms
        until_ms = begin_ms + round(parse_duration(lasts) * 1000)
    return from_ms, until_ms, None


def _request(chosen: Sequence[_Many], why: str, time: _Time) -> WindowRequest:
    from nagare.wire.maintenance import WindowRequest

    hosts, groups, labels = chosen
    pairs = dict(_pair(text) for text in labels or [])
    from_ms, until_ms, recurrence = time
    return WindowRequest(why, hosts or [], groups or [], pairs, from_ms, until_ms, recurrence)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"cannot use label {text!r}: it must read KEY=VALUE", hint="for example: role=db")
    return key, value


def _write(invocation: Invocation, windows: list[WindowView]) -> None:
    rows = [
        (
            "open" if window.is_open else "closed",
            _hosts(window),
            window.from_at,
            window.until_at,
            _recurs(window.recurrence),
            window.why,
            window.made_by,
            window.id,
        )
        for window in windows
    ]
    names = ("state", "hosts", "from", "until", "recurs", "why", "made_by", "id")
    write_rows(invocation, Rows(names, rows, ("", "", "TIMESTAMP", "TIMESTAMP", "", "", "", "")))


def _hosts(window: WindowView) -> str:
    labels = ",".join(f"{key}={value}" for key, value in sorted(window.labels.items()))
    return " ".join(
        [*window.hosts, *(f"group:{name}" for name in window.groups), *([f"label:{labels}"] if labels else [])]
    )


def _recurs(recurrence: RecurrenceDocument | None) -> str:
    if recurrence is None:
        return ""
    days = ",".join(recurrence.days) or "daily"
    return f"{days} {recurrence.at} {recurrence.zone} for {recurrence.duration_seconds:g} s"
