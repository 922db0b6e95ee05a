"""Jobs and their commands as rows of lists, and the one state that a job is shown in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nagare.client.jobs.plans import is_pending
from nagare.client.jobs.results import cause_of, in_order, is_ended
from nagare.lib.plain_text import plain
from nagare.model.command.states import CommandState
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec

if TYPE_CHECKING:
    from nagare.wire.command_jobs import CommandView, JobView

_TEXT_LIMIT = 300
_S = CommandState
# Of a job that has ended, the worst that befell one of its commands.
_WORST = (_S.LOST, _S.FAILED, _S.EXPIRED, _S.CANCELLED, _S.DONE)
# Of one that has not, how far the first of its commands has come.
_FARTHEST = (_S.STARTED, _S.SENT, _S.QUEUED, _S.APPROVED)

JOB_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 11, 0, help="how far it has come; of an ended one, the worst of its hosts"),
    ColumnSpec("action", "action", CellKind.TEXT, 16, 0, grow=True, help="what runs"),
    ColumnSpec("ended", "hosts", CellKind.TEXT, 7, 1, help="hosts on which it has ended, of all"),
    ColumnSpec("who", "asked by", CellKind.TEXT, 10, 2, help="who asked for it"),
    ColumnSpec("age", "age", CellKind.AGE, 6, 1, help="time since it was asked for"),
    ColumnSpec("with", "with", CellKind.TEXT, 18, 3, grow=True, help="its arguments; secrets are nowhere among them"),
    ColumnSpec("became", "what became of it", CellKind.TEXT, 24, 4, grow=True, help="how many hosts stand where"),
    ColumnSpec("agreed", "agreed by", CellKind.TEXT, 10, 6, help="who agreed, and how"),
    ColumnSpec("why", "why", CellKind.TEXT, 14, 5, grow=True, help="what its requester said it is for"),
    ColumnSpec("id", "id", CellKind.TEXT, 9, 7, help="the id that the command line takes"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="what waits for a person first, then the newest"),
)  # fmt: skip
COMMAND_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 11, 0, help="how far the command has come on this host"),
    ColumnSpec("host", "host", CellKind.TEXT, 14, 0, grow=True, help="where it runs"),
    ColumnSpec("cause", "result", CellKind.TEXT, 12, 1, help="exit status, signal, or why it did not run"),
    ColumnSpec("took", "took", CellKind.SECONDS, 7, 2, help="time from its start to its end, or until now"),
    ColumnSpec("text", "told", CellKind.TEXT, 20, 2, grow=True, help="what the host or the server says of it"),
    ColumnSpec("cpu", "cpu time", CellKind.SECONDS, 8, 5, help="processor time of its program"),
    ColumnSpec("memory", "memory", CellKind.BYTES, 7, 6, help="the most memory that its program had"),
    ColumnSpec("held", "held by", CellKind.TEXT, 12, 7, help="what confined the program"),
    ColumnSpec("id", "id", CellKind.TEXT, 9, 9, help="the command's own id"),
)  # fmt: skip
# A job that waits for a person sorts before every other, whatever their age.
_FIRST = 1e15


def moment_ms(text: str | None) -> int | None:
    """Return an RFC 3339 time in Unix milliseconds; None for none, or for what is no time."""
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000) if text else None
    except ValueError:
        return None


def job_state(job: JobView) -> str:
    """Return the one state that a job is shown in."""
    if is_pending(job):
        return _S.PENDING
    if is_over(job):
        return next((state for state in _WORST if job.counts.get(state)), _S.DONE)
    if job.counts.get(_S.STARTED) or any(job.counts.get(state) for state in _WORST):
        return _S.STARTED
    return next((state for state in _FARTHEST if job.counts.get(state)), _S.APPROVED)


def is_over(job: JobView) -> bool:
    """Tell whether nothing more happens to a job by itself."""
    return all(is_ended(state) for state, count in job.counts.items() if count)


def ended_of(job: JobView) -> tuple[int, int]:
    """Return on how many hosts it has ended, and on how many it is to run."""
    total = sum(job.counts.values())
    return sum(count for state, count in job.counts.items() if is_ended(state)), total


def arguments_text(job: JobView) -> str:
    """Return the arguments as a person types them: ``unit=nginx.service lines=50``."""
    return plain(" ".join(f"{name}={_value(value)}" for name, value in job.arguments.items()), _TEXT_LIMIT)


def _value(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def agreed_text(job: JobView) -> str:
    """Return who agreed and how; what waits and what went without says so."""
    if job.break_glass:
        return f"nobody: {plain(job.break_glass, _TEXT_LIMIT)}"
    # Where nobody need agree, the one who asked stands there, and did not.
    return f"{plain(job.approver)} ({plain(job.approval)})" if job.approver and job.approval != "none" else ""


def job_row(job: JobView, now_ms: int) -> dict[str, Any]:
    """Return the cells of one job."""
    made_ms = moment_ms(job.made_at) or now_ms
    ended, total = ended_of(job)
    state = job_state(job)
    stopped = f"; stopped: {job.stopped}" if job.stopped else ""
    return {
        "state": state,
        "action": plain(job.action),
        "ended": f"{ended}/{total}",
        "who": plain(job.requester),
        "age": max(0.0, (now_ms - made_ms) // 1000),
        "with": arguments_text(job),
        "became": plain(in_order(job.counts) + stopped, _TEXT_LIMIT),
        "agreed": agreed_text(job),
        "why": plain(job.why, _TEXT_LIMIT),
        "id": plain(job.id),
        "order": -made_ms - (_FIRST if state == _S.PENDING else 0.0),
    }


def command_row(command: CommandView, now_ms: int) -> dict[str, Any]:
    """Return the cells of one command."""
    return {
        "state": plain(command.state),
        "host": plain(command.host),
        "cause": "exit 0" if command.exit_code == 0 else cause_of(command),
        "took": _took_seconds(command, now_ms),
        "text": plain(command.text, _TEXT_LIMIT),
        "cpu": command.cpu_seconds if command.ended_at else None,
        "memory": float(command.max_rss_bytes) if command.max_rss_bytes else None,
        "held": plain(command.confinement),
        "id": plain(command.id),
    }


def _took_seconds(command: CommandView, now_ms: int) -> float | None:
    started, ended = moment_ms(command.started_at), moment_ms(command.ended_at)
    if started is not None and ended is not None:
        return max(0, ended - started) / 1000
    # Until the result is there, only when it began to run is known.
    since = moment_ms(command.changed_at) if command.state == _S.STARTED else None
    return None if since is None else float(max(0, now_ms - since) // 1000)


def job_labels(job: JobView) -> Mapping[str, str]:
    """Return what a filter may name beside the columns: ``risk:second-person``."""
    return {"risk": job.risk, "approval": job.approval}
