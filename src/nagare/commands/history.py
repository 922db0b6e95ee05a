"""Commands to rows of the table ``commands`` and back: the same rows from the records and from blocks."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from nagare.commands.heads import Heads, streams_of_heads
from nagare.commands.store import Kept, Streams
from nagare.model.columns import Cell, Columns
from nagare.model.command.action import Risk
from nagare.model.command.approval import Approval
from nagare.model.command.job import Command, Job, JobsWanted, Pace, Person
from nagare.model.command.result import CommandResult, Reason
from nagare.model.command.states import CommandState
from nagare.model.history import COMMANDS, Grouping

Row = dict[str, Cell]
_REASONS = frozenset(Reason)
# What ``job_cells`` gives.
_JOB_COLUMNS = (
    "ts", "job", "action", "requester", "approval", "approver", "why", "arguments", "argvs", "risk", "break_glass", "stopped",
    "cancelled_by", "requester_id", "approver_id", "action_sha256", "plan_sha256", "secrets", "pace", "timeout_seconds",
    "expires_seconds", "expires_ms",
)  # fmt: skip


def job_cells(job: Job) -> Row:
    """Return what is the same in every row of a job."""
    return {
        "ts": job.made_ms,
        "job": job.id,
        "action": job.action,
        "requester": job.requester.name,
        "approval": "" if job.approval is None else job.approval.value,
        "approver": job.approver.name,
        "why": job.why,
        "arguments": _json(dict(job.arguments)),
        "argvs": _json(job.argvs),
        "risk": job.risk.value,
        "break_glass": job.break_glass,
        "stopped": job.stopped,
        "cancelled_by": job.cancelled_by,
        "requester_id": job.requester.id,
        "approver_id": job.approver.id,
        "action_sha256": job.action_sha256,
        "plan_sha256": job.plan_sha256,
        "secrets": _json(job.secrets),
        "pace": _json([job.pace.canary, job.pace.concurrency, job.pace.stop_after]),
        "timeout_seconds": job.timeout_seconds,
        "expires_seconds": job.expires_seconds,
        "expires_ms": job.expires_ms,
    }


def command_cells(command: Command, heads: Heads | None) -> Row:
    """Return what is of one command alone."""
    result = command.result
    cells: Row = {
        "host": command.host,
        "id": command.id,
        "state": command.state.value,
        "reason": command.reason,
        "text": command.text,
        "changed_ms": command.changed_ms,
        "host_id": command.host_id,
        "position": command.position,
        "revision": command.revision,
    }
    if heads is not None:
        cells |= {"stdout": heads.stdout, "stderr": heads.stderr}
        cells |= {"stdout_bytes": heads.stdout_bytes, "stderr_bytes": heads.stderr_bytes}
    if result is not None:
        cells |= {"exit_code": result.exit_code, "signal": result.signal, "started_ms": result.started_ms}
        cells |= {"confinement": result.confinement, "holds": _json(result.holds)}
        if result.ended_ms:
            cells |= {"ended_ms": result.ended_ms, "cpu_seconds": result.cpu_seconds}
            cells["max_rss_bytes"] = result.max_rss_bytes
    return cells


def columns_of(rows: Iterable[Row]) -> Columns:
    """Return rows as the columns of the table; what a row does not have is null."""
    listed = list(rows)
    return {column.name: [row.get(column.name) for row in listed] for column in COMMANDS.columns}


def kept_of(rows: Sequence[Mapping[str, Any]]) -> Kept:
    """Return the job of ``rows``, which are all of one."""
    ordered = sorted(rows, key=lambda row: int(row["position"]))
    return Kept(job_of_row(ordered[0]), [_command_of(row) for row in ordered])


def job_of_row(first: Mapping[str, Any]) -> Job:
    """Return the job that any of its rows tells of."""
    return Job(
        id=first["job"],
        action=first["action"],
        action_sha256=first["action_sha256"],
        plan_sha256=first["plan_sha256"],
        arguments=json.loads(first["arguments"]),
        secrets=tuple(json.loads(first["secrets"])),
        argvs=tuple(tuple(argv) for argv in json.loads(first["argvs"])),
        risk=Risk(first["risk"]),
        timeout_seconds=first["timeout_seconds"],
        requester=Person(first["requester_id"], first["requester"]),
        pace=Pace(*json.loads(first["pace"])),
        made_ms=first["ts"],
        expires_seconds=first["expires_seconds"],
        expires_ms=first["expires_ms"],
        approval=Approval(first["approval"]) if first["approval"] else None,
        approver=Person(first["approver_id"], first["approver"]),
        why=first["why"],
        break_glass=first["break_glass"],
        stopped=first["stopped"],
        cancelled_by=first["cancelled_by"],
    )


def jobs_grouped(wanted: JobsWanted, hosts: Collection[str] | None) -> Grouping:
    """Return how jobs are found in blocks that are wanted, whatever their state, with commands on ``hosts`` (None: all)."""
    equal = {"action": wanted.action, "requester": wanted.by}
    return Grouping(
        by="job",
        counted="state",
        kept=_JOB_COLUMNS,
        equal={name: value for name, value in equal.items() if value},
        having={"host": wanted.host} if wanted.host else {},
        within=None if hosts is None else ("host", hosts),
    )


def streams_by_id(rows: Iterable[Mapping[str, Any]]) -> dict[str, Streams]:
    """Return what is left of the output in ``rows``, by the ids of their commands."""
    return {
        row["id"]: streams_of_heads(Heads(row["stdout"], row["stderr"], row["stdout_bytes"], row["stderr_bytes"]))
        for row in rows
        if row["stdout"] is not None
    }


def _command_of(row: Mapping[str, Any]) -> Command:
    return Command(
        id=row["id"],
        job_id=row["job"],
        position=row["position"],
        host_id=row["host_id"],
        host=row["host"],
        state=CommandState(row["state"]),
        changed_ms=row["changed_ms"],
        revision=row["revision"],
        reason=row["reason"],
        text=row["text"],
        result=_result_of(row),
    )


def _result_of(row: Mapping[str, Any]) -> CommandResult | None:
    if row["holds"] is None:
        return None
    # Of a word that a newer version knows, the row itself still tells.
    reason = Reason(row["reason"]) if row["reason"] in _REASONS else Reason.NO_WORD
    return CommandResult(
        state=CommandState(row["state"]),
        reason=reason,
        text=row["text"],
        exit_code=row["exit_code"],
        signal=row["signal"],
        started_ms=row["started_ms"],
        ended_ms=row["ended_ms"] or 0,
        cpu_seconds=row["cpu_seconds"] or 0.0,
        max_rss_bytes=row["max_rss_bytes"] or 0,
        confinement=row["confinement"],
        holds=tuple(json.loads(row["holds"])),
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
