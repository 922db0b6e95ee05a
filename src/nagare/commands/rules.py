"""What holds for jobs and commands, whoever asks; pure.

Who must agree, which hosts of a job are next, when a job stops, and what a command is called whose host says nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from nagare.errors import ConflictError, InputError, PermissionDeniedError
from nagare.model.command.action import Risk
from nagare.model.command.approval import Approval
from nagare.model.command.job import Command, Job
from nagare.model.command.states import ENDED, CommandState

# A host refuses an envelope whose times are further off than this by its own clock.
SKEW_MS = 30_000
# What a host takes to end a program that does not want to, to read what it wrote last, and to tell; and the clocks.
GRACE_MS = SKEW_MS + 30_000
# A host refuses what is signed for longer.
LIFE_LIMIT_MS = 8 * 86_400_000
WAITING = frozenset({CommandState.PENDING, CommandState.APPROVED, CommandState.QUEUED})
# It went out, and may run.
OUT = frozenset({CommandState.SENT, CommandState.STARTED})


def approval_of(risk: Risk, plan_sha256: str, confirm: str, break_glass: str) -> Approval | None:
    """Return how a request is approved by who asks, None when somebody else must agree.

    Raises ConflictError for a confirmation of another plan, InputError for one that is missing, or where no glass is to break.
    """
    if confirm and not hmac.compare_digest(confirm.encode(), plan_sha256.encode()):
        raise ConflictError(
            "cannot run command: what was confirmed is not what would run",
            hint="check again, read what would run, and confirm that plan",
        )
    if break_glass and risk is not Risk.SECOND_PERSON:
        raise InputError(
            "cannot run command: break_glass is for actions that need a second person, and this one does not"
        )
    if risk is Risk.NONE:
        return Approval.NONE
    if risk is Risk.SECOND_PERSON:
        return Approval.BREAK_GLASS if break_glass else None
    if not confirm:
        raise InputError(
            "cannot run command: it needs to be confirmed",
            hint=f"read what would run with check, and repeat its plan_sha256 as confirm: {plan_sha256}",
            errors=[{"pointer": "#/confirm", "detail": "missing"}],
        )
    return Approval.SELF_CONFIRM


def check_second_person(job: Job, approver: str, plan_sha256: str) -> None:
    """Accept that the person of that id approves ``job``. Raises PermissionDeniedError for who asked, ConflictError."""
    if job.approval is not None or job.stopped:
        raise ConflictError(
            f"cannot approve job {job.id}: " + (job.stopped or "it is approved already"), hint="look at the job again"
        )
    if not approver or approver == job.requester.id:
        raise PermissionDeniedError(
            f"cannot approve job {job.id}: you asked for it, and a second person must agree",
            hint="another user with commands.approve approves it, or commands.break_glass goes without",
        )
    if not hmac.compare_digest(plan_sha256.encode(), job.plan_sha256.encode()):
        raise ConflictError(
            f"cannot approve job {job.id}: what you read is not what would run",
            hint="look at the job again, and approve the plan that it shows",
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is: those to send now, and those to sign whose hosts are away."""

    send: list[Command] = field(default_factory=list)
    queue: list[Command] = field(default_factory=list)


def next_turn(job: Job, commands: Sequence[Command], is_reachable: Callable[[str], bool]) -> Turn:
    """Return what of ``job`` goes on now; ``commands`` in the order of their positions.

    Never more than ``pace.concurrency`` are out, none but canaries before every canary is done, none once it stopped. A
    host that is away keeps no place: others go on, and its own turn stands until it comes back or time runs out.
    """
    turn = Turn()
    if job.approval is None or job.stopped or job.cancelled_by:
        return turn
    room = job.pace.concurrency - sum(command.state in OUT for command in commands)
    for command in _stage(job, commands):
        if room <= 0:
            break
        if command.state not in (CommandState.APPROVED, CommandState.QUEUED):
            continue
        if is_reachable(command.host_id):
            turn.send.append(command)
            room -= 1
        elif command.state is CommandState.APPROVED:
            turn.queue.append(command)
    return turn


def _stage(job: Job, commands: Sequence[Command]) -> Sequence[Command]:
    canaries = commands[: job.pace.canary]
    return commands if all(command.state is CommandState.DONE for command in canaries) else canaries


def why_stop(job: Job, commands: Sequence[Command]) -> str:
    """Return why no more hosts of ``job`` may have their turn, empty while they may."""
    if job.stopped or not any(command.state in WAITING for command in commands):
        return ""
    bad = [command for command in commands if command.state in ENDED and command.state is not CommandState.DONE]
    failed = next((command for command in bad if command.position < job.pace.canary), None)
    if failed is not None:
        return f"canary {failed.host} ended as {failed.state}"
    if job.pace.stop_after and len(bad) >= job.pace.stop_after:
        return f"{len(bad)} of {len(commands)} did not end as done, the last one seen on {bad[-1].host}"
    return ""


def overdue(job: Job, command: Command, now_ms: int, *, is_unheld: bool = False) -> CommandState | None:
    """Return what a command is by now for want of any word, None while its time is not over.

    ``is_unheld``: its host is here, does not hold it, and was not sent it on this connection.
    """
    if command.state in WAITING:
        return CommandState.EXPIRED if now_ms > job.expires_ms else None
    if command.state is CommandState.SENT and is_unheld and not _is_wanted(job):
        # Lost on its way, and not sent again: what that connection carried ended with it.
        return CommandState.CANCELLED
    if command.state is CommandState.SENT and is_unheld and now_ms > job.expires_ms + 2 * SKEW_MS:
        # By any clock that the host may have, it would not begin any more.
        return CommandState.EXPIRED
    if command.state in OUT and now_ms > _over_ms(job, command) + GRACE_MS:
        return CommandState.LOST
    return None


def _over_ms(job: Job, command: Command) -> int:
    latest = job.expires_ms + job.timeout_seconds * 1000 if command.deadline_ms is None else command.deadline_ms
    if command.heard_start_ms is None:
        return latest
    return min(latest, command.heard_start_ms + job.timeout_seconds * 1000)


def may_be_sent_again(job: Job, command: Command, now_ms: int) -> bool:
    """Tell whether a command whose host does not hold it goes out again: it runs once at the most, by the host's journal."""
    return command.state is CommandState.SENT and _is_wanted(job) and now_ms <= job.expires_ms


def _is_wanted(job: Job) -> bool:
    return not job.stopped and not job.cancelled_by


def deadline_of(job: Job, issued_ms: int) -> int:
    """Return when a command that begins at the last moment is over, Unix milliseconds."""
    return min(job.expires_ms + job.timeout_seconds * 1000, issued_ms + LIFE_LIMIT_MS)


def state_of(job: Job, states: Iterable[CommandState]) -> str:
    """Return the word for a job whose commands are in ``states``: pending, running, done or ended."""
    found = set(states)
    if found <= {CommandState.DONE}:
        return "done"
    if found <= ENDED:
        return "ended"
    return "pending" if job.approval is None else "running"
