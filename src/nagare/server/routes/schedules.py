"""Schedules: seeing, making, changing, switching, running and removing them."""

from __future__ import annotations

from typing import Any

from nagare.automation.tasks.views import task_view
from nagare.model.principal import Permission
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.wire.tasks import ScheduleList, SchedulePatch, ScheduleRequest, ScheduleView, TaskView


async def list_schedules(call: Call) -> ScheduleList:
    """Return every schedule, by name."""
    return ScheduleList(await call.services.schedules.schedules())


async def get_schedule(call: Call) -> ScheduleView:
    """Return a schedule with its next moments."""
    return await call.services.schedules.get(call.path("name"))


async def save_schedule(call: Call) -> ScheduleView:
    """Make a schedule, or change all of one."""
    name, request = call.path("name"), call.value
    call.note.tell(name, after=_told(request))
    view = await call.services.schedules.save(call.principal, name, request)
    call.note.tell(after={**_told(request), "owner": view.owner, "revision": view.revision})
    return view


async def patch_schedule(call: Call) -> ScheduleView:
    """Switch a schedule on or off."""
    name, request = call.path("name"), call.value
    call.note.tell(name, after={"enabled": request.enabled})
    schedules = call.services.schedules
    return await schedules.enable(call.principal, name, enabled=request.enabled, revision=request.revision)


async def remove_schedule(call: Call) -> None:
    """Forget a schedule; tasks that it made stay."""
    name = call.path("name")
    call.note.tell(name)
    gone = await call.services.schedules.remove(name, _revision(call, "remove a schedule"))
    call.note.tell(before={"cron": gone.cron, "zone": gone.zone, "kind": gone.kind, "owner": gone.owner.name})


async def run_schedule(call: Call) -> TaskView:
    """Make the task of a schedule now."""
    name = call.path("name")
    call.note.tell(name)
    task = await call.services.schedules.run_now(call.principal, name, _revision(call, "run a schedule"))
    call.note.tell(after={"task": task.id, "kind": task.kind, "owner": task.owner.name})
    return task_view(task)


def _revision(call: Call, verb: str) -> int | None:
    return whole_number(call.query, "revision", verb, 0)


def _told(request: ScheduleRequest) -> dict[str, Any]:
    return {
        "cron": request.cron,
        "zone": request.zone,
        "kind": request.kind,
        "arguments": request.arguments,
        "enabled": request.enabled,
        "missed": request.missed,
        "overlap": request.overlap,
    }


_REVISION = Param("revision", "integer", "only as it was read: the revision that it had")
_ALL = "/api/v1/schedules"
_ONE = f"{_ALL}/{{name}}"
ROUTES = (
    Route("GET", _ALL, list_schedules, "Schedules, by name", Permission.SCHEDULES_READ, reply=ScheduleList),
    Route("GET", _ONE, get_schedule, "A schedule and its next moments", Permission.SCHEDULES_READ, reply=ScheduleView),
    Route(
        "PUT", _ONE, save_schedule, "Make a schedule, or change all of one", Permission.SCHEDULES_WRITE,
        request=ScheduleRequest, reply=ScheduleView, action="schedules.save", refuses=(409, 412, 422, 504),
    ),
    Route(
        "PATCH", _ONE, patch_schedule, "Switch a schedule on or off", Permission.SCHEDULES_WRITE,
        request=SchedulePatch, reply=ScheduleView, action="schedules.switch", refuses=(409, 412, 422, 504),
    ),
    Route(
        "DELETE", _ONE, remove_schedule, "Forget a schedule", Permission.SCHEDULES_WRITE,
        action="schedules.remove", params=(_REVISION,), refuses=(412,),
    ),
    Route(
        "POST", f"{_ONE}/run", run_schedule, "Make its task now, on its owner's behalf", Permission.SCHEDULES_WRITE,
        reply=TaskView, action="schedules.run", params=(_REVISION,), refuses=(409, 412, 422, 504),
    ),
)  # fmt: skip
