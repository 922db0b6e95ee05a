"""Watches a task in this terminal or pipe until it has ended, and tells how it ended."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from nagare.cli.console.diagnostics import ProgressLine, note
from nagare.cli.console.invocation import Invocation, OutputFormat, is_terminal
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.cli.exit_codes import BAD
from nagare.wire.codec import decode_any, encode

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.tasks import TaskView

_PERCENT = 100


async def watch(invocation: Invocation, client: Client, task: TaskView) -> TaskView:
    """Follow ``task`` to its end and return it as it is then. Raises errors of ``nagare.errors``."""
    from nagare.client.following import Cut, Resumed
    from nagare.client.tasks import TaskCalls

    is_cut = False
    with contextlib.closing(ProgressLine(is_quiet=invocation.is_quiet)) as line:
        async with contextlib.aclosing(TaskCalls(client).follow(task.id)) as events:
            async for event in events:
                if isinstance(event, Cut | Resumed):
                    if isinstance(event, Cut) and not is_cut and not invocation.is_quiet:
                        line.close()
                        note(
                            f"nagare: the connection is lost ({event.reason}); the task goes on, and so does watching it"
                        )
                    is_cut = isinstance(event, Cut)
                    continue
                task = event.task
                line.show(f"{task.kind}: {shown_progress(task)}")
                if invocation.format is OutputFormat.NDJSON:
                    sys.stdout.write(encode(event).decode() + "\n")
                    sys.stdout.flush()
    return task


def tell_end(invocation: Invocation, task: TaskView) -> int:
    """Write the ended task in the format that was asked for, tell how it ended, and return the exit status."""
    if invocation.format in (OutputFormat.JSON, OutputFormat.CSV):
        write_task(invocation, task)
    elif invocation.format is OutputFormat.TABLE and task.result:
        write_rows(invocation, Rows(("result", "value"), result_rows(task)))
    if not invocation.is_quiet:
        cause = f": {task.text or task.reason}" if task.text or task.reason else ""
        note(f"nagare: task {task.id} ({task.kind}) is {task.state}{cause}")
        if task.download:
            note(f"nagare: `nagare tasks download {task.id}` fetches what it made")
    return 0 if task.state == "done" else BAD


def write_task(invocation: Invocation, task: TaskView) -> None:
    """Write a task as one document, or as one row."""
    document = decode_any(encode(task))
    if invocation.format is OutputFormat.JSON:
        write_document(document)
    else:
        write_rows(invocation, Rows(list(document), [list(document.values())]))


def result_rows(task: TaskView) -> list[tuple[str, object]]:
    """Return what a task found or made, a row for each part."""
    return [(name, value) for name, value in (task.result or {}).items() if not isinstance(value, list)]


def shown_progress(task: TaskView) -> str:
    """Return how far a task is, for a person."""
    if task.state != "running":
        return task.state
    ratio = "" if task.progress_ratio is None else f"{task.progress_ratio * _PERCENT:.0f} % "
    return (ratio + task.progress_text).strip() or task.state


@contextlib.contextmanager
def telling_way_on(task_id: Callable[[], str]) -> Iterator[None]:
    """Tell how to go on with the task when the watching ends before it."""
    try:
        yield
    except (KeyboardInterrupt, BrokenPipeError) as end:
        # The terminal wrote ^C at the begin of the line.
        begin = "\n" if isinstance(end, KeyboardInterrupt) and is_terminal() else ""
        if found := task_id():
            note(
                f"{begin}nagare: it goes on without you: `nagare tasks follow {found}` watches it, `nagare tasks cancel {found}` ends it"
            )
        raise
