"""Jobs and commands to rows of the records database and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from nagare.model.command.action import Risk
from nagare.model.command.approval import Approval
from nagare.model.command.job import Command, Job, Pace, Person
from nagare.model.command.result import CommandResult, StreamKept
from nagare.model.command.states import CommandState
from nagare.wire.codec import decode, encode


def job_values(job: Job) -> dict[str, Any]:
    """Return the columns of a job."""
    return {
        "id": job.id,
        "action": job.action,
        "action_sha256": job.action_sha256,
        "plan_sha256": job.plan_sha256,
        "arguments": dict(job.arguments),
        "secrets": list(job.secrets),
        "argvs": [list(argv) for argv in job.argvs],
        "risk": job.risk.value,
        "timeout_seconds": job.timeout_seconds,
        "requester_id": job.requester.id,
        "requester": job.requester.name,
        "canary": job.pace.canary,
        "concurrency": job.pace.concurrency,
        "stop_after": job.pace.stop_after,
        "made_ms": job.made_ms,
        "expires_seconds": job.expires_seconds,
        "expires_ms": job.expires_ms,
        "approval": "" if job.approval is None else job.approval.value,
        "approver_id": job.approver.id,
        "approver": job.approver.name,
        "why": job.why,
        "break_glass": job.break_glass,
        "stopped": job.stopped,
        "cancelled_by": job.cancelled_by,
    }


def job_of(row: Row[Any]) -> Job:
    """Return the job of a row."""
    return Job(
        id=row.id,
        action=row.action,
        action_sha256=row.action_sha256,
        plan_sha256=row.plan_sha256,
        arguments=row.arguments,
        secrets=tuple(row.secrets),
        argvs=tuple(tuple(argv) for argv in row.argvs),
        risk=Risk(row.risk),
        timeout_seconds=row.timeout_seconds,
        requester=Person(row.requester_id, row.requester),
        pace=Pace(row.canary, row.concurrency, row.stop_after),
        made_ms=row.made_ms,
        expires_seconds=row.expires_seconds,
        expires_ms=row.expires_ms,
        approval=Approval(row.approval) if row.approval else None,
        approver=Person(row.approver_id, row.approver),
        why=row.why,
        break_glass=row.break_glass,
        stopped=row.stopped,
        cancelled_by=row.cancelled_by,
    )


def command_values(command: Command) -> dict[str, Any]:
    """Return the columns of a command."""
    return {
        "id": command.id,
        "job_id": command.job_id,
        "position": command.position,
        "host_id": command.host_id,
        "host": command.host,
        "state": command.state.value,
        "changed_ms": command.changed_ms,
        "revision": command.revision,
        "envelope": command.envelope,
        "deadline_ms": command.deadline_ms,
        "heard_start_ms": command.heard_start_ms,
        "reason": command.reason,
        "text": command.text,
        "result": result_text(command.result),
    }


def command_of(row: Row[Any]) -> Command:
    """Return the command of a row."""
    return Command(
        id=row.id,
        job_id=row.job_id,
        position=row.position,
        host_id=row.host_id,
        host=row.host,
        state=CommandState(row.state),
        changed_ms=row.changed_ms,
        revision=row.revision,
        envelope=row.envelope,
        deadline_ms=row.deadline_ms,
        heard_start_ms=row.heard_start_ms,
        reason=row.reason,
        text=row.text,
        result=None if row.result is None else decode(row.result, CommandResult),
    )


def result_text(result: CommandResult | None) -> str | None:
    """Return a result as the text that is kept."""
    return None if result is None else encode(result).decode()


def encode_streams(streams: tuple[StreamKept, StreamKept]) -> str:
    """Return both streams as the text that is kept."""
    return encode(streams).decode()


def streams_of(text: str) -> tuple[StreamKept, StreamKept]:
    """Return the streams of that text."""
    found: tuple[StreamKept, StreamKept] = decode(text, tuple[StreamKept, StreamKept])
    return found
