"""What would run where, word by word and host by host, as rows for the person who is to agree."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nagare.lib.plain_text import plain
from nagare.model.command.approval import Approval
from nagare.model.command.states import CommandState

if TYPE_CHECKING:
    from nagare.wire.command_jobs import CheckView, JobView

_NEEDS = {
    Approval.NONE: "nobody need agree",
    Approval.SELF_CONFIRM: "you confirm it",
    Approval.SECOND_PERSON: "another person must agree",
}


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A label and its lines, harmless to a terminal. ``is_prose`` may be wrapped; other lines stand as they are."""

    label: str
    lines: tuple[str, ...]
    is_prose: bool = False


def check_rows(check: CheckView) -> Iterator[PlanRow]:
    """Yield what a check says, for a person."""
    yield _row("action", f"{plain(check.action)} {check.action_sha256[:16]}")
    yield from _words(check.argvs)
    yield _hosts("on", check.hosts)
    for host, why in check.unable.items():
        # Who is away may come back before it expires.
        yield _row("away" if host in check.hosts else "not on", f"{plain(host)}: {plain(why)}")
    agreed = _NEEDS.get(Approval(check.needs), check.needs) if check.needs in set(Approval) else plain(check.needs)
    yield _row("risk", f"{plain(check.risk)}: {agreed}")
    yield _row("plan", plain(check.plan_sha256))


def job_rows(job: JobView) -> Iterator[PlanRow]:
    """Yield what a job runs where, who asked for it and why, for the person who is to agree."""
    yield _row("job", plain(job.id))
    yield _row("action", f"{plain(job.action)} {job.action_sha256[:16]}")
    yield from _words(job.argvs)
    yield _hosts("on", [command.host for command in job.commands])
    yield _row("risk", plain(job.risk))
    yield _row("asked by", plain(job.requester))
    if job.approver:
        yield _row("agreed by", f"{plain(job.approver)} ({plain(job.approval)})")
    if job.break_glass:
        yield PlanRow("glass", (f"broken: {plain(job.break_glass)}",), is_prose=True)
    if job.why:
        yield PlanRow("why", (plain(job.why),), is_prose=True)
    if job.stopped:
        yield PlanRow("stopped", (plain(job.stopped),), is_prose=True)
    yield _row("plan", plain(job.plan_sha256))


def is_pending(job: JobView) -> bool:
    """Tell whether a job waits for somebody to agree."""
    states = {command.state for command in job.commands} or set(job.counts)
    return job.state == CommandState.PENDING or states == {CommandState.PENDING.value}


def _words(argvs: Sequence[Sequence[str]]) -> Iterator[PlanRow]:
    """Yield the exact words as a shell would need them; where hosts differ, the first program that is there runs."""
    for number, argv in enumerate(argvs):
        # A word of several lines stays as many: who agrees to a script must be able to read it.
        lines = tuple(plain(line.replace("\t", "    ")) for line in shlex.join(argv).split("\n"))
        yield PlanRow("runs" if number == 0 else "or else", lines)


def _hosts(label: str, hosts: Sequence[str]) -> PlanRow:
    named = ", ".join(plain(host) for host in hosts) or "no host"
    return PlanRow(label, (f"{named} ({len(hosts)} hosts)" if len(hosts) > 1 else named,), is_prose=True)


def _row(label: str, text: str) -> PlanRow:
    return PlanRow(label, (text,))
