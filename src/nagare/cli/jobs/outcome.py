"""How a job ended, in one line, in one exit status, and host by host where it did not end well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING

from nagare.cli import exit_codes
from nagare.client.jobs.host_names import name_hosts
from nagare.client.jobs.results import cause_of, result_of
from nagare.lib.plain_text import plain
from nagare.model.command.result import Reason
from nagare.model.command.states import CommandState

if TYPE_CHECKING:
    from nagare.wire.command_jobs import CommandView, JobView

_TEXT_LIMIT = 200
# Of commands that are cancelled because nobody agreed to them.
_REJECTED = frozenset({Reason.NOT_APPROVED.value, Reason.REJECTED})


class Outcome(IntEnum):
    """What became of a command, the worst last: where it is not known what happened, nothing worse can be known."""

    DONE = 0
    # Surely never began: it expired, nobody agreed, or the host could not be asked.
    NOT_RUN = 1
    CANCELLED = 2
    FAILED = 3
    LOST = 4


_EXIT: Mapping[Outcome, int] = {
    Outcome.DONE: exit_codes.FINE,
    Outcome.NOT_RUN: exit_codes.NOT_RUN,
    Outcome.CANCELLED: exit_codes.CANCELLED,
    Outcome.FAILED: exit_codes.BAD,
    Outcome.LOST: exit_codes.LOST,
}
_BY_STATE: Mapping[str, Outcome] = {
    CommandState.DONE: Outcome.DONE,
    CommandState.EXPIRED: Outcome.NOT_RUN,
    CommandState.CANCELLED: Outcome.CANCELLED,
    CommandState.FAILED: Outcome.FAILED,
}


def outcome_of(command: CommandView) -> Outcome:
    """Return what became of a command of an ended job; a state that says nothing certain is as bad as a lost one."""
    if command.state == CommandState.CANCELLED and command.reason in _REJECTED:
        return Outcome.NOT_RUN
    return _BY_STATE.get(command.state, Outcome.LOST)


def exit_status(job: JobView, unable: Mapping[str, str] | None = None) -> int:
    """Return the exit status of an ended job: that of the worst outcome; ``unable`` are hosts that were meant too."""
    outcomes = [outcome_of(command) for command in job.commands]
    if unable or not outcomes:
        outcomes.append(Outcome.NOT_RUN)
    return _EXIT[max(outcomes)]


def left_out(job: JobView, unable: Mapping[str, str]) -> dict[str, str]:
    """Return those of ``unable`` that the job does not ask at all; one that is away may still come back in time."""
    asked = {command.host for command in job.commands}
    return {host: why for host, why in unable.items() if host not in asked}


def summary(job: JobView, unable: Mapping[str, str] | None = None) -> str:
    """Return one line that counts every state, with the causes of those that are not well."""
    causes: dict[str, Counter[str]] = {}
    for command in job.commands:
        causes.setdefault(command.state, Counter())[cause_of(command)] += 1
    order = [*CommandState, *causes]
    parts = [_counted(state, causes[state]) for state in dict.fromkeys(order) if state in causes]
    if unable:
        parts.append(f"{len(unable)} not asked")
    stopped = f"; stopped: {plain(job.stopped, _TEXT_LIMIT)}" if job.stopped else ""
    return f"{plain(job.action)}: {', '.join(parts) or 'nothing ran'}{stopped} (job {plain(job.id)})"


def faults(job: JobView, unable: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield a line for each group of hosts that did not end as done, with why."""
    alike: dict[str, list[str]] = {}
    for command in job.commands:
        if command.state != CommandState.DONE:
            alike.setdefault(_told(command), []).append(command.host)
    for host, why in (unable or {}).items():
        alike.setdefault(f"not asked: {plain(why, _TEXT_LIMIT)}", []).append(host)
    for told, hosts in alike.items():
        yield f"  {name_hosts(hosts)}: {told}"


def _counted(state: str, causes: Counter[str]) -> str:
    known = [cause if count == 1 else f"{cause} × {count}" for cause, count in causes.most_common() if cause]
    return f"{causes.total()} {plain(state)}" + (f" ({', '.join(known)})" if known else "")


def _told(command: CommandView) -> str:
    return result_of(command) + (f": {plain(command.text, _TEXT_LIMIT)}" if command.text else "")
