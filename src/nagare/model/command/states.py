"""The states of a command and which may follow which: a pure machine, the same for the server and whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from nagare.errors import ConflictError


class CommandState(StrEnum):
    """How far a command has come. Each is true: nothing is called started that may not have started."""

    # Waits for whom its risk asks.
    PENDING = "pending"
    APPROVED = "approved"
    # Signed; waits for the host.
    QUEUED = "queued"
    # Went out to the host, which may or may not have it.
    SENT = "sent"
    STARTED = "started"
    DONE = "done"
    # Refused by the host, not started, ended badly, or ended by a limit: the result says which.
    FAILED = "failed"
    # Its time ran out before it began.
    EXPIRED = "expired"
    # Began, or may have begun, and nobody can say how it ended.
    LOST = "lost"
    CANCELLED = "cancelled"


_S = CommandState
NEXT: Mapping[CommandState, frozenset[CommandState]] = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.APPROVED, _S.EXPIRED, _S.CANCELLED}),
        # Sent at once where its host is here.
        _S.APPROVED: frozenset({_S.QUEUED, _S.SENT, _S.EXPIRED, _S.CANCELLED}),
        _S.QUEUED: frozenset({_S.SENT, _S.EXPIRED, _S.CANCELLED}),
        # The host may refuse it, find it too old, or be told to drop it before it began.
        _S.SENT: frozenset({_S.STARTED, _S.FAILED, _S.EXPIRED, _S.LOST, _S.CANCELLED}),
        _S.STARTED: frozenset({_S.DONE, _S.FAILED, _S.LOST, _S.CANCELLED}),
        # A host that was away comes back with the result that it kept.
        _S.LOST: frozenset({_S.DONE, _S.FAILED, _S.EXPIRED, _S.CANCELLED}),
        _S.DONE: frozenset(),
        _S.FAILED: frozenset(),
        _S.EXPIRED: frozenset(),
        _S.CANCELLED: frozenset(),
    }
)
# States in which nothing more will happen by itself.
ENDED = frozenset({_S.DONE, _S.FAILED, _S.EXPIRED, _S.LOST, _S.CANCELLED})


def is_final(state: CommandState) -> bool:
    """Tell whether no state follows."""
    return not NEXT[state]


def check_transition(state: CommandState, following: CommandState) -> CommandState:
    """Return ``following`` if it may follow ``state``. Raises ConflictError."""
    if following not in NEXT[state]:
        lawful = ", ".join(sorted(NEXT[state])) or "nothing"
        raise ConflictError(
            f"cannot make command {following}: it is {state}, and {lawful} may follow",
            hint="look at the command again: somebody was first",
        )
    return following


def steps_to(state: CommandState, reported: CommandState) -> tuple[CommandState, ...]:
    """Return the states to pass through when a host reports ``reported`` of a command that stands at ``state``.

    A report that something ended says that it had begun, should the report of that have been lost. Raises ConflictError.
    """
    if state is reported:
        return ()
    if state is _S.SENT and reported is _S.DONE:
        return (_S.STARTED, _S.DONE)
    return (check_transition(state, reported),)
