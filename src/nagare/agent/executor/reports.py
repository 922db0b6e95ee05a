"""What this host says of commands: results of those that did not run, events for whoever watches it, lines for its log."""

from __future__ import annotations

import logging

from nagare.agent.events import EventBox
from nagare.errors import CommandRefusedError
from nagare.lib.plain_text import plain
from nagare.model.command.result import CommandResult, Reason
from nagare.model.command.states import CommandState
from nagare.model.event import Severity
from nagare.wire.commands import Dispatch, read_envelope

log = logging.getLogger(__name__)
_TEXT_LIMIT = 1000
_ID_LIMIT = 40
_STATES = {Reason.CANCELLED: CommandState.CANCELLED, Reason.EXPIRED: CommandState.EXPIRED}


def not_begun(reason: Reason, text: str, now_ms: int) -> CommandResult:
    """Return the result of a command that did not begin."""
    return CommandResult(_STATES.get(reason, CommandState.FAILED), reason, plain(text, _TEXT_LIMIT), ended_ms=now_ms)


def unknown_end(begun_ms: int | None, now_ms: int) -> CommandResult:
    """Return what is true of a command whose run was cut short here."""
    if begun_ms is None:
        return not_begun(Reason.NOT_STARTED, "the agent ended before the command began; it did not run", now_ms)
    text = "the agent stopped watching it before it ended; how far it came is not known"
    return CommandResult(CommandState.LOST, Reason.AGENT_DIED, text, started_ms=begun_ms, ended_ms=now_ms)


def claimed_id(dispatch: Dispatch) -> str:
    """Return the id that an envelope claims which nobody can trust, so that who sent it finds what it asked about."""
    try:
        return read_envelope(dispatch.envelope).id
    except CommandRefusedError:
        return ""


def journal_failed(error: OSError) -> CommandRefusedError:
    """Return the refusal of a command that the disk does not take."""
    return CommandRefusedError(
        f"cannot run command: it cannot be kept: {(error.strerror or str(error)).lower()}",
        hint="make room on the disk of the host",
        reason=Reason.JOURNAL_FAILED,
    )


def refusal_text(error: CommandRefusedError) -> str:
    """Return a refusal in words, with the way out."""
    return plain(f"{error.message} ({error.hint})" if error.hint else error.message, _TEXT_LIMIT)


def tell_refusal(box: EventBox, command_id: str, error: CommandRefusedError, now_ms: int) -> str:
    """Tell that a command was refused, and return the text of it."""
    text = refusal_text(error)
    named = plain(command_id, _ID_LIMIT)
    log.warning("command_refused id=%s reason=%s: %s", named, error.reason, text)
    attributes = {"command": named, "reason": error.reason}
    box.tell("command.refused", text, now_ms, severity=Severity.HIGH, attributes=attributes)
    return text


def tell_end(box: EventBox, command_id: str, action: str, result: CommandResult, now_ms: int) -> None:
    """Tell how a command ended."""
    severity = Severity.INFO if result.state is CommandState.DONE else Severity.WARNING
    text = f"command {action or command_id} {result.state}" + (f": {result.text}" if result.text else "")
    attributes = {"command": command_id, "action": action, "state": str(result.state), "reason": str(result.reason)}
    box.tell("command.ended", plain(text, _TEXT_LIMIT), now_ms, severity=severity, attributes=attributes)
    log.info("command_ended id=%s action=%s state=%s reason=%s", command_id, action, result.state, result.reason)
