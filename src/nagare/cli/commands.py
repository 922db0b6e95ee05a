"""``nagare commands``: what was run, who agreed to it, and how each host ended; and what may be run at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nagare.cli import command_keys
from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.moments import parse_moment
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.cli.jobs.ids import find_job_id
from nagare.errors import ConflictError, InputError
from nagare.lib.nearest import did_you_mean

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.client.commands import Commands
    from nagare.wire.command_jobs import ActionView, JobView, ParameterView

T = TypeVar("T")
app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("id", "action", "state", "commands", "asked_by", "agreed_by", "made_at", "why")
_HOST_COLUMNS = ("host", "state", "cause", "started", "ended", "text")
# As model/command/job.py has them, which nothing loads for a help text.
_STATES = ("pending", "running", "done", "ended")


def _complete_state(incomplete: str) -> list[str]:
    return [state for state in _STATES if state.startswith(incomplete)]


def _complete_action(incomplete: str) -> list[tuple[str, str]]:
    from nagare.config.actions.load import shipped_actions

    found = sorted(shipped_actions().items())
    return [(name, action.title) for name, action in found if name.startswith(incomplete)]


Id = Annotated[str, typer.Argument(metavar="ID", help="The job; the first characters of its id will do.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; who asked for it sees it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
State = Annotated[
    str,
    typer.Option(
        "--state", metavar="WORD", help="Only pending, running, done or ended.", autocompletion=_complete_state
    ),
]
Host = Annotated[str, typer.Option("--host", metavar="NAME", help="Only with a command on this host.")]
ActionName = Annotated[
    str, typer.Option("--action", metavar="NAME", help="Only of this action.", autocompletion=_complete_action)
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Only asked for by this person.")]
Since = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="Only since then: 1h, 2026-11-20.")]
History = Annotated[bool, typer.Option("--history", help="Go on into jobs that left the records, years back.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, metavar="ROWS", help="Jobs at the most.")]


@app.callback()
def commands(context: typer.Context) -> None:
    """List, show, follow, approve, reject and cancel jobs, and see which actions there are.

    Without a verb it lists the newest jobs. `nagare run` makes them.

    Examples:
      nagare commands
      nagare commands list --state pending
      nagare commands approve 3f2a9c0d
    """
    if context.invoked_subcommand is None:
        list_jobs(context)


@app.command("list")
def list_jobs(
    context: typer.Context,
    state: State = "",
    host: Host = "",
    action: ActionName = "",
    by: By = "",
    since: Since = None,
    limit: Limit = 100,
    with_history: History = False,
) -> None:
    """List jobs, newest first.

    Jobs that ended a month ago are in the history, which --since and --history look through too; of their output it has
    the first 2000 characters of each stream.

    Examples:
      nagare commands list --state pending
      nagare commands list --host web1 --since 1d -o ndjson
      nagare commands list --action service.restart --by ada --history
    """
    from nagare.model.command.job import JobsWanted

    invocation = invocation_of(context)
    if state and state not in _STATES:
        raise InputError(
            f"cannot list jobs of state {state!r}: there is no such one",
            hint=did_you_mean(state, _STATES) or f"use one of {', '.join(_STATES)}",
        )
    wanted = JobsWanted(state, host, action, by)
    since_ms = parse_moment(since) if since else 0
    looks_back = with_history or since is not None
    found = _call(
        invocation,
        lambda calls: calls.jobs(wanted=wanted, since_ms=since_ms, limit=limit, with_history=looks_back),
    )
    if invocation.format is not OutputFormat.TABLE:
        documents = [_document(job) for job in found]
        names = list(documents[0]) if documents else []
        write_rows(invocation, Rows(names, [list(document.values()) for document in documents]))
        return
    types = ("", "", "", "", "", "", "TIMESTAMP", "")
    write_rows(invocation, Rows(_COLUMNS, [_row(job) for job in found], types))


@app.command()
def show(context: typer.Context, job_id: Id) -> None:
    """Show a job: what runs, who asked and agreed, how each host ended, and what it wrote.

    Example:
      nagare commands show 3f2a9c0d -o json
    """
    from nagare.cli.jobs import watching

    invocation = invocation_of(context)
    job = _fetch(invocation, job_id)
    match invocation.format:
        case OutputFormat.JSON:
            watching.write_job(job)
        case OutputFormat.TABLE:
            _show(invocation, job)
        case _:
            write_rows(invocation, Rows(watching.COLUMNS, watching.command_rows(job)))


@app.command()
def follow(context: typer.Context, job_id: Id) -> None:
    """Watch a job until it has ended, as `nagare run` does; the exit status sums up what became of it.

    Ctrl-C ends the watching and not the job.

    Example:
      nagare commands follow 3f2a9c0d
    """
    from nagare.cli.jobs.watching import Watch, telling_way_on
    from nagare.client.commands import Commands

    invocation = invocation_of(context)

    async def work(client: Client) -> Watch:
        calls = Commands(client)
        watch = Watch(invocation, await calls.job(await find_job_id(calls, job_id)))
        await watch.until_end(client)
        return watch

    with telling_way_on(lambda: job_id):
        watched = call(invocation.settings, work)
    if status := watched.tell_end():
        raise typer.Exit(status)


@app.command()
def approve(context: typer.Context, job_id: Id, yes: Yes = False) -> None:
    """Agree to a job of another person, after reading exactly what will run where.

    Examples:
      nagare commands approve 3f2a9c0d
      nagare commands approve 3f2a9c0d --yes
    """
    from nagare.cli.jobs.plans import confirm, job_lines
    from nagare.client.jobs.plans import is_pending

    invocation = invocation_of(context)
    job = _fetch(invocation, job_id)
    if not is_pending(job):
        raise ConflictError(f"cannot approve job {job.id}: it does not wait for anybody, it is {job.state}")
    if not yes:
        way = f"read it by `nagare commands show {job.id}`, then add --yes"
        confirm(job_lines(job), "Agree to it?", refusal=f"cannot approve job {job.id}", hint=way)
    # The hash of what was shown, not of what the server has by now.
    _told(invocation, _call(invocation, lambda calls: calls.approve(job.id, job.plan_sha256)), "is approved and runs")


@app.command()
def reject(context: typer.Context, job_id: Id, why: Why = "") -> None:
    """Refuse a job that waits for somebody to agree; nothing of it runs.

    Example:
      nagare commands reject 3f2a9c0d --why "not before the backup"
    """
    invocation = invocation_of(context)

    async def change(calls: Commands) -> JobView:
        return await calls.reject(await find_job_id(calls, job_id), why)

    _told(invocation, _call(invocation, change), "is rejected")


@app.command()
def cancel(context: typer.Context, job_id: Id) -> None:
    """Cancel a job: what runs is ended, and what has not begun never will. What is done stays done.

    Example:
      nagare commands cancel 3f2a9c0d
    """
    invocation = invocation_of(context)

    async def change(calls: Commands) -> JobView:
        return await calls.cancel(await find_job_id(calls, job_id))

    _told(invocation, _call(invocation, change), "is being cancelled")


app.add_typer(command_keys.app, name="keys")


@app.command()
def actions(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="[NAME]", help="Show the parameters of this action.", autocompletion=_complete_action),
    ] = "",
) -> None:
    """List the actions that may be run, those that come with nagare and your own, with their risk and parameters.

    A parameter in brackets may be left out; one with … takes several values, each given again.

    Examples:
      nagare commands actions
      nagare commands actions service.logs
    """
    from nagare.cli.jobs.words import find_action

    invocation = invocation_of(context)
    found = _call(invocation, lambda calls: calls.actions())
    if name:
        _show_action(invocation, find_action(found, name))
        return
    if invocation.format is not OutputFormat.TABLE:
        documents = [_document(action) for action in found]
        names = list(documents[0]) if documents else []
        write_rows(invocation, Rows(names, [list(document.values()) for document in documents]))
        return
    rows = [(one.name, one.risk, " ".join(map(_usage, one.parameters)), _standing(one), one.title) for one in found]
    write_rows(invocation, Rows(("action", "risk", "arguments", "you", "title"), rows))


def _call(invocation: Invocation, work: Callable[[Commands], Awaitable[T]]) -> T:
    from nagare.client.commands import Commands

    async def run(client: Client) -> T:
        return await work(Commands(client))

    return call(invocation.settings, run)


def _fetch(invocation: Invocation, job_id: str) -> JobView:
    async def fetch(calls: Commands) -> JobView:
        return await calls.job(await find_job_id(calls, job_id))

    return _call(invocation, fetch)


def _told(invocation: Invocation, job: JobView, text: str) -> None:
    from nagare.cli.jobs.watching import write_job

    if invocation.wants_json_errors:
        write_job(job)
    elif not invocation.is_quiet:
        note(f"nagare: job {job.id} {text}; `nagare commands follow {job.id}` watches it")


def _show(invocation: Invocation, job: JobView) -> None:
    from nagare.cli.jobs.outcome import summary
    from nagare.cli.jobs.plans import job_lines
    from nagare.cli.jobs.watching import shown_rows
    from nagare.client.jobs.grouping import format_groups, group_outputs

    for line in job_lines(job):
        typer.echo(line)
    typer.echo("")
    write_rows(invocation, Rows(_HOST_COLUMNS, shown_rows(job), ("", "", "", "TIMESTAMP", "TIMESTAMP", "")))
    written = [command for command in job.commands if command.stdout is not None or command.stderr is not None]
    if written:
        typer.echo("")
    for line in format_groups(group_outputs(written)):
        typer.echo(line)
    if not invocation.is_quiet:
        note(f"nagare: {summary(job)}")
        if job.moved:
            note("nagare: it is in the history by now: of each stream of output the first 2000 characters are kept")


def _show_action(invocation: Invocation, action: ActionView) -> None:
    if invocation.format in (OutputFormat.JSON, OutputFormat.NDJSON):
        write_document(_document(action))
        return
    rows = [
        ("action", action.name),
        ("title", action.title),
        ("risk", action.risk),
        ("you", _standing(action)),
        ("own", action.is_own),
        ("root", action.needs_root),
        ("capability", action.capability),
        ("timeout", f"{action.timeout_seconds} s"),
        ("sha256", action.sha256),
        *((_usage(one), _constraints(one)) for one in action.parameters),
    ]
    write_rows(invocation, Rows(("property", "value"), rows))


def _usage(parameter: ParameterView) -> str:
    default = "" if parameter.default is None else _default(parameter.default)
    text = f"{parameter.name}={default}{'…' if parameter.is_list else ''}"
    return f"[{text}]" if parameter.is_optional or parameter.default is not None else text


def _default(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _constraints(parameter: ParameterView) -> str:
    parts = [parameter.kind, parameter.text]
    if parameter.choices:
        parts.append(f"one of {', '.join(parameter.choices)}")
    if parameter.low is not None or parameter.high is not None:
        low, high = ("any" if bound is None else bound for bound in (parameter.low, parameter.high))
        parts.append(f"{low} to {high}")
    if parameter.roots:
        parts.append(f"below {' or '.join(parameter.roots)}")
    return "; ".join(part for part in parts if part)


def _standing(action: ActionView) -> str:
    return "may run it" if action.may_run else "may not"


def _row(job: JobView) -> tuple[object, ...]:
    from nagare.client.jobs.results import in_order

    told = in_order(job.counts)
    state = f"{job.state}, moved" if job.moved else job.state
    return job.id, job.action, state, told, job.requester, job.approver, job.made_at, job.why


def _document(view: ActionView | JobView) -> dict[str, object]:
    from nagare.wire.codec import decode_any, encode

    document: dict[str, object] = decode_any(encode(view))
    return document
