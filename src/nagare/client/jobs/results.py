"""How a command stands or ended, in a few words; the same words wherever people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nagare.lib.plain_text import plain
from nagare.model.command.result import Reason
from nagare.model.command.states import ENDED, CommandState

if TYPE_CHECKING:
    from nagare.wire.command_jobs import CommandView

# Reasons that say nothing beside the state itself.
_IMPLIED = frozenset({"", Reason.CANCELLED, Reason.EXPIRED})


def result_of(command: CommandView) -> str:
    """Return the state with its cause: ``done``, ``failed, exit 3``."""
    cause = cause_of(command)
    return f"{plain(command.state)}, {cause}" if cause else plain(command.state)


def cause_of(command: CommandView) -> str:
    """Return in a few words why it ended as it did, empty where the state says it all."""
    if command.state == CommandState.DONE or command.reason in _IMPLIED:
        return ""
    if command.reason == Reason.EXIT and command.exit_code is not None:
        return f"exit {command.exit_code}"
    if command.reason == Reason.SIGNAL and command.signal is not None:
        return f"signal {command.signal}"
    return plain(command.reason)


def is_ended(state: str) -> bool:
    """Tell whether nothing more happens by itself in that state."""
    return state in ENDED


def in_order(counts: Mapping[str, int]) -> str:
    """Return how many stand at each state, in the order of their course: ``2 done, 1 failed``."""
    order = dict.fromkeys([*CommandState, *counts])
    return ", ".join(f"{counts[state]} {plain(state)}" for state in order if counts.get(state))
