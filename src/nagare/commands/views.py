"""Jobs, commands and actions as people see them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from nagare.commands.rules import state_of
from nagare.commands.store import Kept, Streams
from nagare.lib.rfc3339 import format_ms
from nagare.model.command.action import Action
from nagare.model.command.job import Command, Job
from nagare.model.command.parameters import Parameter
from nagare.model.command.result import StreamKept
from nagare.model.command.states import CommandState
from nagare.wire.command_jobs import ActionView, Batches, CommandView, JobView, ParameterView, StreamView


def action_view(action: Action, *, may_run: bool, is_own: bool) -> ActionView:
    """Return an action as people see it."""
    return ActionView(
        name=action.name,
        version=action.version,
        title=action.title,
        risk=action.risk.value,
        capability=action.capability.value,
        needs_root=action.needs_root,
        sha256=action.sha256,
        parameters=[_parameter_view(parameter) for parameter in action.parameters],
        timeout_seconds=action.limits.timeout_seconds,
        may_run=may_run,
        is_own=is_own,
    )


def job_view(
    kept: Kept,
    *,
    hosts: Collection[str] | None = None,
    streams: Mapping[str, Streams] | None = None,
    moved: bool = False,
) -> JobView:
    """Return a job with its commands on ``hosts`` (None: all of them)."""
    shown = [command for command in kept.commands if hosts is None or command.host in hosts]
    views = [command_view(command, None if streams is None else streams.get(command.id)) for command in shown]
    counts: dict[str, int] = {}
    for command in shown:
        counts[command.state.value] = counts.get(command.state.value, 0) + 1
    return summary_view(kept.job, counts, views, moved=moved)


def summary_view(job: Job, counts: Mapping[str, int], commands: list[CommandView], *, moved: bool = False) -> JobView:
    """Return a job with those of its commands; ``counts`` has the number of them in each state."""
    return JobView(
        id=job.id,
        action=job.action,
        arguments=dict(job.arguments),
        action_sha256=job.action_sha256,
        plan_sha256=job.plan_sha256,
        risk=job.risk.value,
        approval="" if job.approval is None else job.approval.value,
        requester=job.requester.name,
        approver=job.approver.name,
        why=job.why,
        state=state_of(job, map(CommandState, counts)),
        made_at=format_ms(job.made_ms),
        expires_at=format_ms(job.expires_ms),
        batches=Batches(job.pace.canary, job.pace.concurrency, job.pace.stop_after),
        counts=dict(counts),
        argvs=[list(argv) for argv in job.argvs],
        commands=commands,
        stopped=job.stopped,
        break_glass=job.break_glass,
        moved=moved,
    )


def command_view(command: Command, streams: Streams | None = None) -> CommandView:
    """Return a command, with its kept output where that is given."""
    result = command.result
    view = CommandView(
        id=command.id,
        host=command.host,
        state=command.state.value,
        changed_at=format_ms(command.changed_ms),
        reason=command.reason,
        text=command.text,
        stdout=None if streams is None else _stream_view(streams[0]),
        stderr=None if streams is None else _stream_view(streams[1]),
    )
    if result is None:
        return view
    return CommandView(
        **{name: getattr(view, name) for name in ("id", "host", "state", "changed_at", "reason", "text")},
        exit_code=result.exit_code,
        signal=result.signal,
        started_at=_time(result.started_ms),
        ended_at=_time(result.ended_ms or None),
        cpu_seconds=result.cpu_seconds,
        max_rss_bytes=result.max_rss_bytes,
        confinement=result.confinement,
        holds=list(result.holds),
        stdout=view.stdout,
        stderr=view.stderr,
    )


def _parameter_view(parameter: Parameter) -> ParameterView:
    return ParameterView(
        name=parameter.name,
        kind=parameter.kind.value,
        text=parameter.text,
        is_optional=parameter.is_optional or parameter.default is not None,
        is_list=parameter.is_list,
        default=parameter.default,
        choices=list(parameter.choices),
        low=parameter.low,
        high=parameter.high,
        roots=list(parameter.roots),
        pattern=parameter.pattern,
        longest=parameter.longest,
        has_lines=parameter.has_lines,
        most=parameter.most,
    )


def _stream_view(stream: StreamKept) -> StreamView:
    return StreamView(stream.text(), stream.total_bytes, stream.dropped_bytes)


def _time(at_ms: int | None) -> str | None:
    # A host's own word: what is no time that can be written is none.
    return None if at_ms is None or not 0 <= at_ms < 10**14 else format_ms(at_ms)
