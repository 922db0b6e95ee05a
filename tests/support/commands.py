"""Envelopes and keys for tests, made by the same doors as a server's."""

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from nagare.keys.command_keys import secret_digest, sign_envelope
from nagare.keys.signing import SigningKey
from nagare.model.command.action import Action, Risk
from nagare.model.command.approval import Approval
from nagare.model.command.plan import check_arguments, plan_of
from nagare.wire.commands import COMMANDS_VERSION, CommandEnvelope, Dispatch, Secret

HOST = "host-1"
NOW_MS = 1_760_000_000_000
_APPROVALS = {
    Risk.NONE: (Approval.NONE, ""),
    Risk.SELF_CONFIRM: (Approval.SELF_CONFIRM, "ann"),
    Risk.SECOND_PERSON: (Approval.SECOND_PERSON, "ben"),
}


def envelope_of(
    action: Action, arguments: Mapping[str, Any] | None = None, /, *, now_ms: int = NOW_MS, **changes: Any
) -> CommandEnvelope:
    """Return an envelope that a host takes, with ``changes``."""
    hidden = changes.pop("hidden", {})
    checked = check_arguments(action, arguments or {}, hidden)
    approval, approver = _APPROVALS[action.risk]
    made = CommandEnvelope(
        v=COMMANDS_VERSION,
        id=str(uuid.uuid4()),
        host_id=HOST,
        action=action.name,
        action_sha256=action.sha256,
        arguments=checked,
        plan_sha256=plan_of(action, checked, hidden).sha256,
        requester="ann",
        approver=approver,
        approval=approval,
        risk=action.risk,
        nonce=secrets.token_hex(16),
        issued_ms=now_ms,
        expires_ms=now_ms + 60_000,
        deadline_ms=now_ms + 600_000,
        secrets={name: secret_digest(secret) for name, secret in hidden.items()},
    )
    return msgspec.structs.replace(made, **changes)


def dispatch_of(
    key: SigningKey, action: Action, arguments: Mapping[str, Any] | None = None, /, **changes: Any
) -> Dispatch:
    """Return a frame that a host which trusts ``key`` takes, with ``changes`` to its envelope."""
    hidden: dict[str, Secret] = changes.get("hidden", {})
    return sign_envelope(envelope_of(action, arguments, **changes), key, hidden)


def secret(value: str) -> Secret:
    """Return a salted secret."""
    return Secret(secrets.token_hex(16), value)


def id_of(dispatch: Dispatch) -> str:
    """Return the command's id."""
    return str(msgspec.json.decode(dispatch.envelope)["id"])
