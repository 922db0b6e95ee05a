"""The host's own policy: what it runs, whoever asks. The server can neither read nor change it, and without one nothing runs.

The file is read anew for each command, so that a change holds from the next one on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from nagare.config.files import ConfigFile, parse_bytes, read_trusted_bytes
from nagare.errors import CommandRefusedError, ConfigError, InputError, PermissionDeniedError
from nagare.keys.signing import check_public_key
from nagare.model.command.action import Action, Capability, Risk
from nagare.model.command.approval import Approval
from nagare.model.command.parameters import Value
from nagare.model.command.result import Reason
from nagare.model.fields import Faults, Fields


@dataclass(frozen=True, slots=True)
class Rule:
    """Actions by name or glob, up to a risk, with arguments of which each must match one of its globs."""

    actions: tuple[str, ...]
    highest_risk: Risk = Risk.SECOND_PERSON
    arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def names(self, action: Action) -> bool:
        """Tell whether it speaks of ``action``."""
        return any(fnmatchcase(action.name, pattern) for pattern in self.actions)

    def allows(self, arguments: Mapping[str, Value]) -> bool:
        """Tell whether every argument that it constrains is given and matches, all of a list."""
        return all(
            name in arguments and all(_matches(arguments[name], patterns)) for name, patterns in self.arguments.items()
        )

    def denies(self, arguments: Mapping[str, Value]) -> bool:
        """Tell whether every argument that it constrains is given and matches, any of a list."""
        return all(
            name in arguments and any(_matches(arguments[name], patterns)) for name, patterns in self.arguments.items()
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """What a host runs. A ``deny`` rule wins over every ``allow`` rule."""

    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()
    allow_shell: bool = False
    allow_break_glass: bool = False
    # Who runs what needs no root, where the agent is root; empty is the agent itself.
    run_as: str = ""
    # Keys that are trusted instead of those that the server told.
    server_keys: tuple[str, ...] = ()


def load_policy(path: Path) -> Policy:
    """Return the policy in ``path``. Raises CommandRefusedError when there is none, or none that can be trusted or read."""
    try:
        return _policy_of(path, read_trusted_bytes(path))
    except FileNotFoundError:
        raise CommandRefusedError(
            f"cannot run commands: this host has no policy {path}",
            hint="write one that allows what this host shall run",
            reason=Reason.NO_POLICY,
        ) from None
    except PermissionDeniedError as error:
        raise CommandRefusedError(error.message, hint=error.hint, reason=Reason.POLICY_UNTRUSTED) from error
    except ConfigError as error:
        raise CommandRefusedError(error.message, hint=error.hint, reason=Reason.POLICY_INVALID) from error


@lru_cache(maxsize=1)
def _policy_of(path: Path, content: bytes) -> Policy:
    # The file is read for every command, and seldom changes: what a content means is found out once.
    return parse_policy(parse_bytes(path, content))


def parse_policy(file: ConfigFile) -> Policy:
    """Return the policy that ``file`` holds. Raises ConfigError that names every fault with its line."""
    faults = Faults("policy")
    fields = Fields(file.tables, "", faults)
    policy = Policy(
        allow=_rules(fields, "allow", faults),
        deny=_rules(fields, "deny", faults),
        allow_shell=fields.flag("allow_shell"),
        allow_break_glass=fields.flag("allow_break_glass"),
        run_as=fields.text("run_as", ""),
        server_keys=fields.texts("server_keys"),
    )
    fields.finish()
    _check_keys(policy, fields)
    try:
        faults.refuse()
    except InputError as error:
        told = "; ".join(_told(file, fault) for fault in error.errors)
        raise ConfigError(f"cannot use policy {file.path}: {told}") from error
    return policy


def check_policy(policy: Policy, action: Action, arguments: Mapping[str, Value], approval: Approval) -> None:
    """Accept what ``policy`` lets run. Raises CommandRefusedError that says which of its words is against it."""
    if action.capability is Capability.SHELL and not policy.allow_shell:
        raise CommandRefusedError(
            f"cannot run {action.name}: this host runs no free-form programs",
            hint="its policy needs allow_shell = true, and a rule that allows it",
            reason=Reason.SHELL_OFF,
        )
    if approval is Approval.BREAK_GLASS and not policy.allow_break_glass:
        raise CommandRefusedError(
            f"cannot run {action.name}: this host takes no command without its second person",
            hint="its policy needs allow_break_glass = true",
            reason=Reason.BREAK_GLASS_OFF,
        )
    if any(rule.names(action) and rule.denies(arguments) for rule in policy.deny):
        raise _denied(action, "a rule of its policy denies it")
    named = [rule for rule in policy.allow if rule.names(action)]
    if not named:
        raise _denied(action, "no rule of its policy allows it")
    risky = [rule for rule in named if action.risk.rank <= rule.highest_risk.rank]
    if not risky:
        raise _denied(action, f"its policy allows it only up to risk {named[0].highest_risk}, and it is {action.risk}")
    if not any(rule.allows(arguments) for rule in risky):
        raise _denied(action, f"its policy does not allow these arguments ({', '.join(sorted(risky[0].arguments))})")


def _rules(fields: Fields, key: str, faults: Faults) -> tuple[Rule, ...]:
    tables = fields.raw(key)
    if tables is None:
        return ()
    if not isinstance(tables, list) or any(not isinstance(table, dict) for table in tables):
        fields.fault(key, f"must be tables, each as [[{key}]]")
        return ()
    return tuple(_rule(table, f"{key}.{index}", faults) for index, table in enumerate(tables))


def _rule(table: Mapping[str, Any], place: str, faults: Faults) -> Rule:
    fields = Fields(table, place, faults)
    rule = Rule(
        actions=fields.texts("actions"),
        highest_risk=fields.choice("highest_risk", Risk, Risk.SECOND_PERSON),
        arguments=_arguments(fields, place, faults),
    )
    fields.finish()
    if not rule.actions:
        fields.fault("actions", 'is missing: names of actions, such as ["disk.*"]')
    return rule


def _arguments(fields: Fields, place: str, faults: Faults) -> Mapping[str, tuple[str, ...]]:
    table = fields.table("arguments")
    given = Fields(table, f"{place}.arguments", faults)
    return {name: given.texts(name) for name in table}


def _check_keys(policy: Policy, fields: Fields) -> None:
    for key in policy.server_keys:
        try:
            check_public_key(key)
        except InputError:
            fields.fault("server_keys", f"{key[:20]!r} is no Ed25519 key")


def _told(file: ConfigFile, fault: Mapping[str, str]) -> str:
    key = fault["pointer"].removeprefix("#/").replace("/", ".")
    line = file.line_of(key) or file.line_of(key.partition(".")[0])
    return f"line {line}: {key} {fault['detail']}" if line else f"{key} {fault['detail']}"


def _matches(value: Value, patterns: tuple[str, ...]) -> list[bool]:
    """Tell of each part of a value whether it matches one of ``patterns``."""
    texts = value if isinstance(value, list) else [_text_of(value)]
    return [any(fnmatchcase(text, pattern) for pattern in patterns) for text in texts]


def _text_of(value: str | int | bool) -> str:  # noqa: FBT001  a value of a flag
    return str(value).lower() if isinstance(value, bool) else str(value)


def _denied(action: Action, cause: str) -> CommandRefusedError:
    return CommandRefusedError(
        f"cannot run {action.name}: {cause}", hint="the policy stands on the host", reason=Reason.POLICY_DENIES
    )
