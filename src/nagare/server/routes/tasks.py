"""Tasks: asking for them, seeing what became of them, ending them, and following one."""

from __future__ import annotations

from contextlib import aclosing

from aiohttp import hdrs, web

from nagare.automation.tasks.views import task_view
from nagare.errors import InputError
from nagare.model.principal import Permission
from nagare.model.task import TaskState, Wanted
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.wire.codec import encode
from nagare.wire.tasks import KindList, TaskLine, TaskList, TaskRequest, TaskView

_LIMIT, _LIMIT_MOST = 50, 500
_NDJSON = "application/x-ndjson"
_STATES = tuple(state.value for state in TaskState)


async def list_tasks(call: Call) -> TaskList:
    """Return tasks, the newest first."""
    limit = whole_number(call.query, "limit", "list tasks", 1, _LIMIT_MOST) or _LIMIT
    states = tuple(text for text in call.query.get("state", "").split(",") if text)
    for state in states:
        if state not in _STATES:
            detail = f"must be some of {', '.join(_STATES)}"
            raise InputError(
                f"cannot list tasks of state {state[:40]!r}: there is no such one",
                errors=[{"parameter": "state", "detail": detail}],
            )
    wanted = Wanted(
        states,
        kind=call.query.get("kind", ""),
        schedule=call.query.get("schedule", ""),
        owner=call.query.get("owner", ""),
        since_ms=whole_number(call.query, "since_ms", "list tasks", 0) or 0,
    )
    return await call.services.tasks.tasks(wanted, limit, call.query.get("after", ""))


async def list_kinds(call: Call) -> KindList:
    """Return the kinds of tasks."""
    return KindList(call.services.tasks.describe_kinds(call.principal))


async def submit_task(call: Call) -> TaskView:
    """Make a task."""
    request: TaskRequest = call.value
    call.note.tell(request.kind, after={"kind": request.kind, "arguments": request.arguments, "key": request.key})
    task = await call.services.tasks.submit(call.principal, request)
    call.note.tell(after={"task": task.id, "kind": task.kind, "arguments": dict(task.arguments)})
    return task_view(task)


async def get_task(call: Call) -> TaskView:
    """Return a task."""
    return task_view(await call.services.tasks.get(call.path("id")))


async def cancel_task(call: Call) -> TaskView:
    """End a task."""
    task_id = call.path("id")
    call.note.tell(task_id)
    task = await call.services.tasks.cancel(call.principal, task_id)
    call.note.tell(after={"kind": task.kind, "owner": task.owner.name, "state": task.state.value})
    return task_view(task)


async def follow_task(call: Call) -> web.StreamResponse:
    """Send how a task is, a line of JSON for each change, until it has ended."""
    lines = await call.services.tasks.follow(call.principal, call.path("id"))
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: _NDJSON})
    await response.prepare(call.request)
    async with aclosing(lines):
        async for line in lines:
            await response.write(encode(line) + b"\n")
    await response.write_eof()
    return response


async def download(call: Call) -> web.StreamResponse:
    """Send the file that a task made, or the part that was asked for, to the one on whose behalf it was made."""
    file, name = await call.services.tasks.find_file(call.principal, call.path("id"))
    disposition = f'attachment; filename="{name}"'
    return web.FileResponse(file, headers={hdrs.CONTENT_TYPE: _BYTES, hdrs.CONTENT_DISPOSITION: disposition})


_ALL = "/api/v1/tasks"
_BYTES = "application/octet-stream"
_ONE = f"{_ALL}/{{id}}"
ROUTES = (
    Route(
        "POST", _ALL, submit_task, "Make a task", Permission.TASKS_WRITE,
        request=TaskRequest, reply=TaskView, action="tasks.submit", refuses=(404, 409, 422, 504),
    ),
    Route(
        "GET", _ALL, list_tasks, "Tasks, newest first", Permission.TASKS_READ, reply=TaskList,
        params=(
            Param("state", "string", f"only in these states, by commas: {', '.join(_STATES)}"),
            Param("kind", "string", "only of this kind"),
            Param("schedule", "string", "only of this schedule"),
            Param("owner", "string", "only on behalf of the user of this name"),
            Param("since_ms", "integer", "only those made since then (Unix milliseconds)"),
            Param("limit", "integer", f"at most this many ({_LIMIT})"),
            Param("after", "string", "go on behind the task of that id: what next said"),
        ),
    ),
    # Before the tasks: their ids are hexadecimal, and so never this word.
    Route("GET", f"{_ALL}/kinds", list_kinds, "Kinds of tasks", Permission.TASKS_READ, reply=KindList),
    Route("GET", _ONE, get_task, "A task", Permission.TASKS_READ, reply=TaskView),
    Route(
        "GET", f"{_ONE}/follow", follow_task, "How a task is, a line of JSON for each change", Permission.TASKS_READ,
        reply=TaskLine, media=_NDJSON,
    ),
    Route(
        "GET", f"{_ONE}/file", download, "The file that a task made, for its owner", Permission.TASKS_READ, media=_BYTES,
        is_file=True,
    ),
    Route(
        "POST", f"{_ONE}/cancel", cancel_task, "End a task", Permission.TASKS_WRITE,
        reply=TaskView, action="tasks.cancel", refuses=(409,),
    ),
)  # fmt: skip
