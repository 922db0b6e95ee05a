"""``nagare schedules``: which task the server makes when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.client.argument_words import read_arguments
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.client.schedules import ScheduleCalls
    from nagare.wire.tasks import ScheduleRequest, ScheduleView, TaskView

T = TypeVar("T")
app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("name", "cron", "zone", "kind", "enabled", "next", "last", "owner", "text")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule.")]
CronText = Annotated[str, typer.Option("--cron", metavar="'M H D M W'", help="Its moments: five fields, or @daily …")]
Zone = Annotated[str, typer.Option("--zone", metavar="ZONE", help="Zone of the expression: Europe/Berlin, UTC.")]
KindName = Annotated[str, typer.Option("--kind", metavar="KIND", help="What it does; `nagare tasks kinds` lists them.")]
Words = Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]…", help="Arguments of its tasks.")]
Document = Annotated[str, typer.Option("--arguments", metavar="JSON", help="All arguments as one JSON object.")]
Missed = Annotated[
    str, typer.Option("--missed", metavar="WORD", help="Of moments without a server: skip, run-once, run-all.")
]
MissedLimit = Annotated[
    int, typer.Option("--missed-limit", metavar="COUNT", help="Most runs that run-all makes up for.")
]
Grace = Annotated[float, typer.Option("--grace", metavar="SECONDS", help="What is late by no more is in time.")]
Overlap = Annotated[
    str, typer.Option("--overlap", metavar="WORD", help="While an earlier run is not over: skip, queue.")
]
Text = Annotated[str, typer.Option("--text", metavar="TEXT", help="What it is for.")]
Revision = Annotated[
    int | None, typer.Option("--revision", metavar="NUMBER", help="Only as it was read: `show` tells its revision.")
]
Disabled = Annotated[bool, typer.Option("--disabled", help="Make it switched off.")]


@app.callback()
def schedules(context: typer.Context) -> None:
    """List, make, change, switch, run and remove schedules.

    Without a verb it lists them.

    Examples:
      nagare schedules
      nagare schedules add nightly --cron "30 2 * * *" --zone Europe/Berlin --kind verify
      nagare schedules next nightly
    """
    if context.invoked_subcommand is None:
        list_schedules(context)


@app.command("list")
def list_schedules(context: typer.Context) -> None:
    """List the schedules, by name.

    Example:
      nagare schedules list -o json
    """
    invocation = invocation_of(context)
    found = _call(invocation, lambda calls: calls.schedules())
    if invocation.format is not OutputFormat.TABLE:
        documents = [_document(one) for one in found]
        names = list(documents[0]) if documents else []
        write_rows(invocation, Rows(names, [list(document.values()) for document in documents]))
        return
    write_rows(invocation, Rows(_COLUMNS, [_row(one) for one in found]))


@app.command()
def show(context: typer.Context, name: Name) -> None:
    """Show a schedule: what it does, when, and how its last run is.

    Example:
      nagare schedules show nightly
    """
    invocation = invocation_of(context)
    _write(invocation, _call(invocation, lambda calls: calls.schedule(name)))


@app.command()
def add(
    context: typer.Context,
    name: Name,
    cron: CronText,
    kind: KindName,
    words: Words = None,
    zone: Zone = "UTC",
    arguments: Document = "",
    missed: Missed = "skip",
    missed_limit: MissedLimit = 24,
    grace: Grace = 60.0,
    overlap: Overlap = "skip",
    text: Text = "",
    disabled: Disabled = False,
) -> None:
    """Make a schedule. Its tasks run on your behalf, with what you may at that time.

    Examples:
      nagare schedules add nightly --cron "30 2 * * *" --zone Europe/Berlin --kind verify
      nagare schedules add load --cron @hourly --kind command action=host.uptime targets.all=true
    """
    from nagare.wire.tasks import ScheduleRequest

    invocation = invocation_of(context)
    request = ScheduleRequest(
        cron=cron, kind=kind, arguments=read_arguments(words or (), arguments), zone=zone, enabled=not disabled,
        missed=missed, missed_limit=missed_limit, grace_seconds=grace, overlap=overlap, text=text, is_new=True,
    )  # fmt: skip
    _told(invocation, _call(invocation, lambda calls: calls.save(name, request)), "is made")


@app.command()
def edit(
    context: typer.Context,
    name: Name,
    words: Words = None,
    cron: CronText = "",
    zone: Zone = "",
    kind: KindName = "",
    arguments: Document = "",
    missed: Missed = "",
    missed_limit: MissedLimit = 0,
    grace: Grace = -1.0,
    overlap: Overlap = "",
    text: Text = "",
    revision: Revision = None,
) -> None:
    """Change what is given of a schedule. Its tasks run on your behalf from then on.

    Arguments are replaced as a whole when any is given. What somebody else changes meanwhile is not lost: the second one is
    refused.

    Example:
      nagare schedules edit nightly --cron "0 3 * * *" --missed run-once
    """
    invocation = invocation_of(context)
    given = {"cron": cron, "zone": zone, "kind": kind, "missed": missed, "overlap": overlap, "text": text}
    changes: dict[str, object] = {key: value for key, value in given.items() if value}
    if words or arguments:
        changes["arguments"] = read_arguments(words or (), arguments)
    if missed_limit:
        changes["missed_limit"] = missed_limit
    if grace >= 0:
        changes["grace_seconds"] = grace
    if not changes:
        raise InputError(f"cannot change schedule {name}: say what of it", hint="nagare schedules edit --help")
    if revision is not None:
        changes["revision"] = revision

    async def change(calls: ScheduleCalls) -> ScheduleView:
        # With the revision that it has as it is read here, unless an earlier one was read.
        return await calls.save(name, _changed(await calls.schedule(name), changes))

    _told(invocation, _call(invocation, change), "is changed")


@app.command()
def remove(context: typer.Context, name: Name, revision: Revision = None) -> None:
    """Forget a schedule; tasks that it made stay.

    Example:
      nagare schedules remove nightly
    """
    invocation = invocation_of(context)
    _call(invocation, lambda calls: calls.remove(name, revision))
    if not invocation.is_quiet:
        note(f"nagare: schedule {name} is removed")


@app.command()
def enable(context: typer.Context, name: Name, revision: Revision = None) -> None:
    """Switch a schedule on. Moments while it was off are not made up for.

    Example:
      nagare schedules enable nightly
    """
    invocation = invocation_of(context)
    _told(
        invocation,
        _call(invocation, lambda calls: calls.enable(name, enabled=True, revision=revision)),
        "is switched on",
    )


@app.command()
def disable(context: typer.Context, name: Name, revision: Revision = None) -> None:
    """Switch a schedule off; a task that it made already goes on.

    Example:
      nagare schedules disable nightly
    """
    invocation = invocation_of(context)
    _told(
        invocation,
        _call(invocation, lambda calls: calls.enable(name, enabled=False, revision=revision)),
        "is switched off",
    )


@app.command()
def run(
    context: typer.Context,
    name: Name,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for its end.")] = False,
) -> None:
    """Make the task of a schedule now, beside its moments, and watch it until it has ended.

    Example:
      nagare schedules run nightly
    """
    from nagare.cli.work.watching import tell_end, telling_way_on, watch, write_task
    from nagare.client.schedules import ScheduleCalls

    invocation = invocation_of(context)
    made: list[str] = []

    async def work(client: Client) -> TaskView:
        task = await ScheduleCalls(client).run(name)
        made.append(task.id)
        return task if detach else await watch(invocation, client, task)

    with telling_way_on(lambda: made[0] if made else ""):
        task = call(invocation.settings, work)
    if not detach:
        if status := tell_end(invocation, task):
            raise typer.Exit(status)
    elif invocation.wants_json_errors:
        write_task(invocation, task)
    elif not invocation.is_quiet:
        note(f"nagare: task {task.id} waits for its turn; `nagare tasks follow {task.id}` watches it")


@app.command("next")
def next_moments(context: typer.Context, name: Name) -> None:
    """Show the next moments of a schedule, in its own zone.

    Example:
      nagare schedules next nightly
    """
    invocation = invocation_of(context)
    view = _call(invocation, lambda calls: calls.schedule(name))
    write_rows(invocation, Rows(("moment",), [(moment,) for moment in view.next]))
    if not view.next and not invocation.is_quiet:
        note(f"nagare: schedule {name} is switched off")


def _call(invocation: Invocation, work: Callable[[ScheduleCalls], Awaitable[T]]) -> T:
    from nagare.client.schedules import ScheduleCalls

    async def run_call(client: Client) -> T:
        return await work(ScheduleCalls(client))

    return call(invocation.settings, run_call)


def _changed(view: ScheduleView, changes: dict[str, object]) -> ScheduleRequest:
    from nagare.wire.codec import decode, decode_any, encode
    from nagare.wire.tasks import ScheduleRequest

    # What a request does not know of a view is left out by the decoder.
    return decode(encode({**decode_any(encode(view)), **changes}), ScheduleRequest)


def _told(invocation: Invocation, view: ScheduleView, text: str) -> None:
    if invocation.wants_json_errors:
        _write(invocation, view)
    elif not invocation.is_quiet:
        following = f"; next {view.next[0]}" if view.next else ""
        note(f"nagare: schedule {view.name} {text}{following}")


def _write(invocation: Invocation, view: ScheduleView) -> None:
    document = _document(view)
    match invocation.format:
        case OutputFormat.JSON:
            write_document(document)
        case OutputFormat.TABLE:
            rows = [(name, value) for name, value in document.items() if value not in ("", None)]
            write_rows(invocation, Rows(("property", "value"), rows))
        case _:
            write_rows(invocation, Rows(list(document), [list(document.values())]))


def _row(view: ScheduleView) -> tuple[object, ...]:
    following = view.next[0] if view.next else ""
    last = f"{view.last_outcome} {view.last_moment_at}".strip()
    return view.name, view.cron, view.zone, view.kind, view.enabled, following, last, _owner(view), view.text


def _owner(view: ScheduleView) -> str:
    return f"{view.owner} via key {view.via_key[:8]}" if view.via_key else view.owner


def _document(view: ScheduleView) -> dict[str, object]:
    from nagare.wire.codec import decode_any, encode

    document: dict[str, object] = decode_any(encode(view))
    return document
