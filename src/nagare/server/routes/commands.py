"""Remote commands: asking for them, agreeing to them, ending them, and following what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import hdrs, web

from nagare.commands.asking import Asked
from nagare.errors import InputError, PermissionDeniedError
from nagare.model.command.job import JOB_STATES, Job, JobsWanted
from nagare.model.deed import Deed
from nagare.model.principal import Permission
from nagare.server.audit_note import AuditNote
from nagare.server.audited import done_deed
from nagare.server.params import truth, whole_number
from nagare.server.route import Call, Param, Route
from nagare.wire.codec import encode
from nagare.wire.command_jobs import Approve, CheckView, FollowLine, JobList, JobRequest, JobView, Reject
from nagare.wire.commands import SignedCommandKeys

_LIMIT, _LIMIT_MOST = 50, 200
_NDJSON = "application/x-ndjson"
# Of the hosts that an entry of the audit log names; their number is told beside them, the records have the others.
_NAMED_HOSTS = 1000


async def request_job(call: Call) -> JobView | CheckView:
    """Make a job, or tell what it would be."""
    request: JobRequest = call.value
    # Before anything can refuse it: what was tried is on record, too.
    call.note.tell(request.action, after=_told(request))
    if request.check:
        view, asked = await call.services.commands.check(call.principal, request)
        call.note.tell(asked.action.name, after=_told(request, asked))
        return view

    def deed_of(job: Job, asked: Asked) -> Deed:
        approval = "" if job.approval is None else job.approval.value
        told = {**_told(request, asked), "job": job.id, "approval": approval}
        return done_deed(call, AuditNote(asked.action.name, after=told))

    made = await call.services.commands.request(call.principal, request, deed_of=deed_of)
    call.note.is_kept = True
    return made


async def approve_job(call: Call) -> JobView:
    """Agree to a job as the second person."""
    job_id, request = call.path("id"), call.value
    call.note.tell(job_id)
    view = await call.services.commands.approve(call.principal, job_id, request.plan_sha256)
    call.note.tell(after=_of_job(view))
    return view


async def reject_job(call: Call) -> JobView:
    """Refuse a job that waits for a second person."""
    job_id, request = call.path("id"), call.value
    call.note.tell(job_id)
    view = await call.services.commands.reject(call.principal, job_id, request.why)
    call.note.tell(after=_of_job(view))
    return view


async def cancel_job(call: Call) -> JobView:
    """End what waits of a job, and ask hosts to end what runs of it."""
    job_id = call.path("id")
    call.note.tell(job_id)
    view = await call.services.commands.cancel(call.principal, job_id)
    call.note.tell(after=_of_job(view))
    return view


async def list_jobs(call: Call) -> JobList:
    """Return jobs without their commands, the newest first."""
    limit = whole_number(call.query, "limit", "list jobs", 1, _LIMIT_MOST) or _LIMIT
    wanted, after = _wanted(call.query), call.query.get("after", "")
    with_history = truth(call.query, "history", "list jobs")
    return await call.services.commands.jobs(call.principal, wanted, limit, after, with_history=with_history)


def _wanted(query: Mapping[str, str]) -> JobsWanted:
    state = query.get("state", "")
    if state and state not in JOB_STATES:
        cause = f"must be one of {', '.join(JOB_STATES)}"
        raise InputError(f"cannot list jobs: state {cause}", errors=[{"parameter": "state", "detail": cause}])
    return JobsWanted(
        state,
        query.get("host", ""),
        query.get("action", ""),
        query.get("by", ""),
        whole_number(query, "since_ms", "list jobs"),
    )


async def get_job(call: Call) -> JobView:
    """Return a job with its commands and what they wrote."""
    return await call.services.commands.get(call.principal, call.path("id"))


async def follow_job(call: Call) -> web.StreamResponse:
    """Send what happens to a job, a line of JSON each, until it has ended."""
    after = whole_number(call.query, "after", "follow job", 0, 2**53) or 0
    batches = await call.services.commands.follow(call.principal, call.path("id"), after)
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: _NDJSON})
    await response.prepare(call.request)
    async with aclosing(batches):
        async for lines in batches:
            await response.write(b"".join(encode(line) + b"\n" for line in lines))
    await response.write_eof()
    return response


async def host_keys(call: Call) -> SignedCommandKeys:
    """Return what signs this server's commands, for a host that may run some."""
    host = call.principal.host
    if host is None:
        raise PermissionDeniedError("cannot tell the keys of commands: this token belongs to no host")
    return call.services.commands.keys


def _told(request: JobRequest, asked: Asked | None = None) -> dict[str, Any]:
    """Return what the audit log keeps of a request: never a secret's value."""
    told: dict[str, Any] = {
        "action": request.action,
        "arguments": request.arguments,
        "secrets": sorted(request.secrets),
        "check": request.check,
        "why": request.why,
        "break_glass": request.break_glass,
    }
    if asked is not None:
        names = [host.name for host in asked.hosts]
        told |= {
            "arguments": dict(asked.arguments),
            "plan_sha256": asked.plan.sha256,
            "action_sha256": asked.action.sha256,
            "risk": asked.action.risk.value,
            "hosts": names[:_NAMED_HOSTS],
            "hosts_count": len(names),
        }
    return told


def _of_job(view: JobView) -> dict[str, Any]:
    names = [command.host for command in view.commands]
    return {
        "action": view.action,
        "plan_sha256": view.plan_sha256,
        "requester": view.requester,
        "approval": view.approval,
        "stopped": view.stopped,
        "counts": view.counts,
        "hosts": names[:_NAMED_HOSTS],
        "hosts_count": len(names),
    }


_ALL = "/api/v1/commands"
_ONE = f"{_ALL}/{{id}}"
ROUTES = (
    Route(
        "POST", _ALL, request_job, "Run an action on hosts, or check what would run", Permission.COMMANDS_RUN,
        request=JobRequest, reply=(JobView, CheckView), action="commands.run", keeps_deed=True, is_scoped=True,
        refuses=(404, 409, 422, 504),
    ),
    Route(
        "GET", _ALL, list_jobs, "Jobs, newest first", Permission.COMMANDS_READ, reply=JobList, is_scoped=True,
        params=(
            Param("state", "string", f"only {', '.join(JOB_STATES[:-1])} or {JOB_STATES[-1]}"),
            Param("host", "string", "only with a command on this host"),
            Param("action", "string", "only of this action"),
            Param("by", "string", "only asked for by this person"),
            Param("since_ms", "integer", "from this time on, Unix milliseconds"),
            Param("limit", "integer", f"at most this many ({_LIMIT})"),
            Param("after", "string", "go on behind the job of that id: what next said"),
            Param("history", "boolean", "go on into what left the records, where output is shortened; a page may be empty"),
        ),
    ),
    # Before the jobs: their ids are hexadecimal, and so never this word.
    Route(
        "GET", f"{_ALL}/keys", host_keys, "What signs the commands that the asking host takes", Permission.COMMANDS_TAKE,
        reply=SignedCommandKeys,
    ),
    Route(
        "GET", _ONE, get_job, "A job, its commands, and what they wrote", Permission.COMMANDS_READ,
        reply=JobView, is_scoped=True, refuses=(504,),
    ),
    Route(
        "GET", f"{_ONE}/follow", follow_job, "What happens to a job, a line of JSON each", Permission.COMMANDS_READ,
        reply=FollowLine, media=_NDJSON, is_scoped=True, refuses=(504,),
        params=(Param("after", "integer", "go on behind the line of this sequence"),),
    ),
    Route(
        "POST", f"{_ONE}/approve", approve_job, "Agree to a job as the second person", Permission.COMMANDS_APPROVE,
        request=Approve, reply=JobView, action="commands.approve", is_scoped=True, refuses=(409, 504),
    ),
    Route(
        "POST", f"{_ONE}/reject", reject_job, "Refuse a job that waits for a second person", Permission.COMMANDS_APPROVE,
        request=Reject, reply=JobView, action="commands.reject", is_scoped=True, refuses=(409, 504),
    ),
    Route(
        "POST", f"{_ONE}/cancel", cancel_job, "End a job", Permission.COMMANDS_RUN,
        reply=JobView, action="commands.cancel", is_scoped=True, refuses=(409, 504),
    ),
)  # fmt: skip
