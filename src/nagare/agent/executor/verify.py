"""Whether a command may run here: each check stands alone, refuses with its own reason, and leaves nothing behind.

The order matters: nothing of an envelope is looked at before its signature, and nothing of an action before the envelope is
for this host and for now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nagare.agent.executor.policy import Policy, check_policy
from nagare.errors import CommandRefusedError, InputError
from nagare.keys.command_keys import check_signature, secret_digest
from nagare.lib.plain_text import plain
from nagare.model.command.action import Action
from nagare.model.command.approval import why_not_approved
from nagare.model.command.parameters import Kind, Value, check_secret, is_below, refused
from nagare.model.command.plan import Plan, check_arguments, plan_of
from nagare.model.command.result import Reason
from nagare.wire.commands import CommandEnvelope, Dispatch, read_envelope

# Between the clocks of two machines that keep time; one that is further off is told so.
SKEW_MS = 30_000
# Nothing is signed for longer: a journal need not remember longer either.
LIFE_LIMIT_MS = 8 * 86_400_000


@dataclass(frozen=True, slots=True)
class Standing:
    """Who this host is at its server, what it may, and whose signature it takes."""

    host_id: str
    may_run: bool
    keys: tuple[str, ...]
    # Of the list that they are from.
    keys_number: int = 0


@dataclass(frozen=True, slots=True)
class Verified:
    """A command that may run: what was signed, the host's own action, its plan, and the secrets for it."""

    envelope: CommandEnvelope
    action: Action
    arguments: Mapping[str, Value]
    plan: Plan
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def open_envelope(dispatch: Dispatch, standing: Standing, policy: Policy) -> CommandEnvelope:
    """Return the envelope that a trusted key signed for this host. Raises CommandRefusedError."""
    check_signature(dispatch, policy.server_keys or standing.keys)
    envelope = read_envelope(dispatch.envelope)
    if envelope.host_id != standing.host_id:
        raise CommandRefusedError(
            f"cannot run command: it is for host {plain(envelope.host_id, 60)}, not for this one",
            reason=Reason.WRONG_HOST,
        )
    return envelope


def check_times(envelope: CommandEnvelope, now_ms: int) -> None:
    """Accept what may begin now. Raises CommandRefusedError that tells both clocks."""
    if not envelope.issued_ms <= envelope.expires_ms <= envelope.deadline_ms <= envelope.issued_ms + LIFE_LIMIT_MS:
        raise CommandRefusedError(
            "cannot run command: its times are in no order, or it holds for too long", reason=Reason.MALFORMED
        )
    if now_ms > envelope.expires_ms + SKEW_MS:
        raise CommandRefusedError(
            f"cannot run command: it expired {(now_ms - envelope.expires_ms) / 1000:.0f} s ago by the clock of this host",
            hint="ask for it again; if it was new, look at the clocks of the server and of this host",
            reason=Reason.EXPIRED,
        )
    if now_ms < envelope.issued_ms - SKEW_MS:
        raise CommandRefusedError(
            f"cannot run command: it was signed {(envelope.issued_ms - now_ms) / 1000:.0f} s from now by the clock of this host",
            hint="look at the clocks of the server and of this host",
            reason=Reason.NOT_YET_VALID,
        )


def verify(
    envelope: CommandEnvelope, dispatch: Dispatch, standing: Standing, policy: Policy, actions: Mapping[str, Action]
) -> Verified:
    """Return what will run. Raises CommandRefusedError unless it is what was approved and this host wants it."""
    if not standing.may_run:
        raise CommandRefusedError(
            "cannot run command: this host was not given the capability commands",
            hint="on the server: nagare hosts accept NAME --allow commands",
            reason=Reason.NOT_GRANTED,
        )
    action = _action(envelope, actions)
    _check_approval(envelope, action)
    arguments, plan = _plan(envelope, action)
    secrets = _secrets(envelope, dispatch, action)
    check_policy(policy, action, arguments, envelope.approval)
    _check_links(action, arguments)
    return Verified(envelope, action, arguments, plan, secrets)


def _action(envelope: CommandEnvelope, actions: Mapping[str, Action]) -> Action:
    action = actions.get(envelope.action)
    if action is None:
        raise CommandRefusedError(
            f"cannot run {plain(envelope.action, 60)}: this host knows no such action",
            hint="put its file into the folder that commands.actions names on this host",
            reason=Reason.UNKNOWN_ACTION,
        )
    if action.sha256 != envelope.action_sha256:
        raise CommandRefusedError(
            f"cannot run {action.name}: it means something else on this host (version {action.version}) than was approved",
            hint="bring server and host to the same version, and the action's file to the same content",
            reason=Reason.ACTION_CHANGED,
        )
    return action


def _check_approval(envelope: CommandEnvelope, action: Action) -> None:
    reason = why_not_approved(action.risk, envelope.approval, envelope.requester, envelope.approver)
    if reason is None and envelope.risk is not action.risk:
        reason = Reason.ACTION_CHANGED
    if reason is not None:
        raise CommandRefusedError(
            f"cannot run {action.name}: its risk is {action.risk}, its approval {envelope.approval} "
            f"by {plain(envelope.approver, 60) or 'nobody'}",
            reason=reason,
        )


def _plan(envelope: CommandEnvelope, action: Action) -> tuple[dict[str, Value], Plan]:
    try:
        arguments = check_arguments(action, envelope.arguments, envelope.secrets)
        plan = plan_of(action, arguments, envelope.secrets)
    except InputError as error:
        raise CommandRefusedError(error.message, hint=error.hint, reason=Reason.BAD_ARGUMENTS) from error
    if plan.sha256 != envelope.plan_sha256:
        raise CommandRefusedError(
            f"cannot run {action.name}: its words would be others than those that were approved",
            reason=Reason.PLAN_CHANGED,
        )
    return arguments, plan


def _secrets(envelope: CommandEnvelope, dispatch: Dispatch, action: Action) -> dict[str, str]:
    if dispatch.secrets.keys() != envelope.secrets.keys():
        raise CommandRefusedError(
            f"cannot run {action.name}: not the secrets came with it that it names", reason=Reason.BAD_SECRETS
        )
    values = {}
    for name, secret in dispatch.secrets.items():
        parameter = action.find_parameter(name)
        assert parameter is not None
        if secret_digest(secret) != envelope.secrets[name]:
            raise CommandRefusedError(
                f"cannot run {action.name}: secret {name} is not the one that was given", reason=Reason.BAD_SECRETS
            )
        try:
            values[name] = check_secret(parameter, secret.value)
        except InputError as error:
            raise CommandRefusedError(error.message, reason=Reason.BAD_SECRETS) from error
    return values


def _check_links(action: Action, arguments: Mapping[str, Value]) -> None:
    """Refuse a path whose links lead out of the folders that the action allows."""
    for parameter in action.parameters:
        value = arguments.get(parameter.name)
        if parameter.kind is not Kind.PATH or value is None:
            continue
        # A root that is a link itself (/var/log on some hosts) stands for where it leads.
        roots = [str(Path(root).resolve()) for root in parameter.roots]
        for path in value if isinstance(value, list) else [str(value)]:
            try:
                real = str(Path(path).resolve())
            except (OSError, RuntimeError) as error:
                raise _bad(action, refused(parameter, "cannot be followed to where it leads")) from error
            if not any(is_below(real, root) for root in roots):
                raise _bad(action, refused(parameter, f"leads out of {' and '.join(parameter.roots)} by a link"))


def _bad(action: Action, error: InputError) -> CommandRefusedError:
    return CommandRefusedError(f"cannot run {action.name}: {error.message}", reason=Reason.BAD_ARGUMENTS)
