"""``nagare tasks``: work that the server does by itself, and what became of it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.moments import parse_moment
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.work.ids import find_task_id
from nagare.client.argument_words import read_arguments
from nagare.errors import InputError, StorageError
from nagare.lib.atomic_file import open_atomic
from nagare.lib.nearest import did_you_mean
from nagare.lib.units import format_bytes

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.client.tasks import TaskCalls
    from nagare.wire.tasks import KindView, TaskView

T = TypeVar("T")
app = typer.Typer(add_completion=False, invoke_without_command=True)
_COLUMNS = ("id", "kind", "state", "progress", "owner", "schedule", "made_at", "ended_at", "text")
_STATES = ("queued", "running", "done", "failed", "cancelled", "lost")


def _complete_state(incomplete: str) -> list[str]:
    return [state for state in _STATES if state.startswith(incomplete)]


Id = Annotated[str, typer.Argument(metavar="ID", help="The task; the first characters of its id will do.")]
State = Annotated[
    str,
    typer.Option(
        "--state", metavar="WORD", help="Only in this state: queued, running, …", autocompletion=_complete_state
    ),
]
Kind = Annotated[str, typer.Option("--kind", metavar="KIND", help="Only of this kind.")]
Schedule = Annotated[str, typer.Option("--schedule", metavar="NAME", help="Only of this schedule.")]
Since = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="Only since then: 1h, 2026-11-20.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, metavar="ROWS", help="Tasks at the most.")]
Words = Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]…", help="Arguments; JSON or text.")]
Document = Annotated[str, typer.Option("--arguments", metavar="JSON", help="All arguments as one JSON object.")]


@app.callback()
def tasks(context: typer.Context) -> None:
    """List, show, run, follow and cancel tasks, and see which kinds there are.

    Without a verb it lists the newest tasks.

    Examples:
      nagare tasks
      nagare tasks run verify
      nagare tasks list --state failed
    """
    if context.invoked_subcommand is None:
        list_tasks(context)


@app.command("list")
def list_tasks(
    context: typer.Context,
    state: State = "",
    kind: Kind = "",
    schedule: Schedule = "",
    since: Since = None,
    limit: Limit = 100,
) -> None:
    """List tasks, newest first.

    Examples:
      nagare tasks list --state failed --since 1d
      nagare tasks list --kind backup -o csv
    """
    invocation = invocation_of(context)
    if state and state not in _STATES:
        raise InputError(
            f"cannot list tasks of state {state!r}: there is no such one",
            hint=did_you_mean(state, _STATES) or f"use one of {', '.join(_STATES)}",
        )
    since_ms = str(parse_moment(since)) if since else ""
    wanted = {"state": state, "kind": kind, "schedule": schedule, "since_ms": since_ms}
    found = _call(invocation, lambda calls: calls.tasks(limit, **wanted))
    if invocation.format is not OutputFormat.TABLE:
        documents = [_document(task) for task in found]
        names = list(documents[0]) if documents else []
        write_rows(invocation, Rows(names, [list(document.values()) for document in documents]))
        return
    types = ("", "", "", "", "", "", "TIMESTAMP", "TIMESTAMP", "")
    write_rows(invocation, Rows(_COLUMNS, [_row(task) for task in found], types))


@app.command()
def show(context: typer.Context, task_id: Id) -> None:
    """Show a task: what it was asked for, how far it is, and what it found or made.

    Example:
      nagare tasks show 3f2a9c0d -o json
    """
    from nagare.cli.work.watching import result_rows, write_task

    invocation = invocation_of(context)

    async def fetch(calls: TaskCalls) -> TaskView:
        return await calls.task(await find_task_id(calls, task_id))

    task = _call(invocation, fetch)
    if invocation.format is not OutputFormat.TABLE:
        write_task(invocation, task)
        return
    document = _document(task)
    rows = [(name, value) for name, value in document.items() if name != "result" and value not in ("", None)]
    write_rows(
        invocation,
        Rows(("property", "value"), [*rows, *((f"result: {name}", text) for name, text in result_rows(task))]),
    )


@app.command()
def run(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What to do; `nagare tasks kinds` lists them.")],
    words: Words = None,
    arguments: Document = "",
    key: Annotated[str, typer.Option("--key", metavar="TEXT", help="Makes it safe to repeat: one key, one task.")] = "",
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for its end.")] = False,
) -> None:
    """Make a task and watch it until it has ended.

    The exit status is 1 when it did not end as done. Ctrl-C ends the watching and not the task.

    Examples:
      nagare tasks run verify
      nagare tasks run command action=host.uptime targets.all=true
      nagare tasks run verify --key nightly-2026-11-26 --detach
    """
    from nagare.cli.work.watching import tell_end, telling_way_on, watch
    from nagare.client.tasks import TaskCalls

    invocation = invocation_of(context)
    asked = read_arguments(words or (), arguments)
    made: list[str] = []

    async def work(client: Client) -> TaskView:
        task = await TaskCalls(client).submit(kind, asked, key)
        made.append(task.id)
        return task if detach else await watch(invocation, client, task)

    with telling_way_on(lambda: made[0] if made else ""):
        task = call(invocation.settings, work)
    if detach:
        _told(invocation, task, "waits for its turn" if task.state == "queued" else f"is {task.state}")
    elif status := tell_end(invocation, task):
        raise typer.Exit(status)


@app.command()
def follow(context: typer.Context, task_id: Id) -> None:
    """Watch a task until it has ended, as `nagare tasks run` does.

    Example:
      nagare tasks follow 3f2a9c0d
    """
    from nagare.cli.work.watching import tell_end, telling_way_on, watch
    from nagare.client.tasks import TaskCalls

    invocation = invocation_of(context)

    async def work(client: Client) -> TaskView:
        calls = TaskCalls(client)
        return await watch(invocation, client, await calls.task(await find_task_id(calls, task_id)))

    with telling_way_on(lambda: task_id):
        task = call(invocation.settings, work)
    if status := tell_end(invocation, task):
        raise typer.Exit(status)


@app.command()
def cancel(context: typer.Context, task_id: Id) -> None:
    """Cancel a task: one that waits never begins, one that runs is ended with all that it started.

    Example:
      nagare tasks cancel 3f2a9c0d
    """
    invocation = invocation_of(context)

    async def change(calls: TaskCalls) -> TaskView:
        return await calls.cancel(await find_task_id(calls, task_id))

    task = _call(invocation, change)
    _told(invocation, task, "is cancelled" if task.state == "cancelled" else "is being cancelled")


@app.command()
def download(
    context: typer.Context,
    task_id: Id,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where to write; stdout without it.")] = None,
) -> None:
    """Fetch the file that a task of yours made.

    Examples:
      nagare tasks download 3f2a9c0d cpu.csv
      nagare tasks download 3f2a9c0d | head
    """
    invocation = invocation_of(context)

    async def fetch(calls: TaskCalls, write: Callable[[bytes], object]) -> int:
        return await calls.download(await find_task_id(calls, task_id), write)

    if file is None:
        _call(invocation, lambda calls: fetch(calls, sys.stdout.buffer.write))
        return
    try:
        with open_atomic(file) as sink:
            size = _call(invocation, lambda calls: fetch(calls, sink.write))
    except OSError as error:
        raise StorageError(f"cannot write {file}: {(error.strerror or str(error)).lower()}") from error
    if not invocation.is_quiet:
        note(f"nagare: {format_bytes(size)} are in {file}")


@app.command()
def kinds(context: typer.Context) -> None:
    """List the kinds of tasks, with their arguments.

    Example:
      nagare tasks kinds
    """
    invocation = invocation_of(context)
    found = _call(invocation, lambda calls: calls.kinds())
    if invocation.format is OutputFormat.TABLE:
        rows = [(one.name, _usage(one), "may run it" if one.may_run else "may not", one.text) for one in found]
        write_rows(invocation, Rows(("kind", "arguments", "you", "text"), rows))
        return
    documents = [_document(one) for one in found]
    names = list(documents[0]) if documents else []
    write_rows(invocation, Rows(names, [list(document.values()) for document in documents]))


def _call(invocation: Invocation, work: Callable[[TaskCalls], Awaitable[T]]) -> T:
    from nagare.client.tasks import TaskCalls

    async def run_call(client: Client) -> T:
        return await work(TaskCalls(client))

    return call(invocation.settings, run_call)


def _told(invocation: Invocation, task: TaskView, text: str) -> None:
    from nagare.cli.work.watching import write_task

    if invocation.wants_json_errors:
        write_task(invocation, task)
    elif not invocation.is_quiet:
        note(f"nagare: task {task.id} {text}; `nagare tasks follow {task.id}` watches it")


def _usage(kind: KindView) -> str:
    definitions = kind.arguments.get("$defs", {})
    shape = next(iter(definitions.values()), kind.arguments)
    required = shape.get("required", [])
    return " ".join(name if name in required else f"[{name}]" for name in shape.get("properties", {}))


def _row(task: TaskView) -> tuple[object, ...]:
    from nagare.cli.work.watching import shown_progress

    progress = shown_progress(task) if task.state == "running" else ""
    return task.id, task.kind, task.state, progress, task.owner, task.schedule, task.made_at, task.ended_at, task.text


def _document(view: TaskView | KindView) -> dict[str, object]:
    from nagare.wire.codec import decode_any, encode

    document: dict[str, object] = decode_any(encode(view))
    return document
