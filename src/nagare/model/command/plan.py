"""From an action and arguments to the words that run: checked, complete, and the same on the server and on the host."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nagare.errors import InputError
from nagare.lib.canonical_json import canonical_sha256
from nagare.lib.nearest import did_you_mean
from nagare.model.command.action import Action, Variant
from nagare.model.command.parameters import Value, check_value, refused, words_of

STDIN = "stdin"
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
# Together, below what the kernel takes for a program's words and environment (ARG_MAX, 2 MiB with an 8 MiB stack).
_WORDS_LIMIT_BYTES = 2**18


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run: one command line for each variant, and where secrets go, by the names of their parameters."""

    action: str
    argvs: tuple[tuple[str, ...], ...]
    environment: Mapping[str, str]
    stdin_secret: str = ""
    environment_secrets: Mapping[str, str] | None = None

    @property
    def sha256(self) -> str:
        """The hash of the plan, in hex: what is approved and what runs have the same."""
        return canonical_sha256(
            {
                "action": self.action,
                "run": [list(argv) for argv in self.argvs],
                "environment": dict(self.environment),
                "stdin_secret": self.stdin_secret,
                "environment_secrets": dict(self.environment_secrets or {}),
            }
        )


def check_arguments(action: Action, arguments: Mapping[str, object], secrets: Collection[str] = ()) -> dict[str, Value]:
    """Return ``arguments`` with their defaults if ``action`` takes them; ``secrets`` names those that come apart.

    Raises InputError that points at every fault.
    """
    faults: list[dict[str, str]] = []
    checked: dict[str, Value] = {}
    for parameter in action.parameters:
        try:
            value = _argument(action, parameter.name, arguments, secrets)
        except InputError as error:
            faults += error.errors
            continue
        if value is not None:
            checked[parameter.name] = value
    faults += [_unknown(action, name) for name in [*arguments, *secrets] if action.find_parameter(name) is None]
    if faults:
        first = faults[0]
        raise InputError(
            f"cannot run {action.name}: argument {first['pointer'].removeprefix('#/arguments/')} {first['detail']}",
            hint=f"look at its parameters: {', '.join(parameter.name for parameter in action.parameters) or 'none'}",
            errors=list(faults),
        )
    return checked


def plan_of(action: Action, arguments: Mapping[str, Value], secrets: Collection[str] = ()) -> Plan:
    """Return what ``action`` runs with checked ``arguments``. Raises InputError for a word that would be an option."""
    argvs = tuple(_argv(action, variant, arguments) for variant in action.variants)
    given = [parameter for parameter in action.secrets if parameter.name in secrets]
    into_stdin = [parameter.name for parameter in given if parameter.into == STDIN]
    return Plan(
        action.sha256,
        argvs,
        action.environment,
        into_stdin[0] if into_stdin else "",
        {parameter.into: parameter.name for parameter in given if parameter.into != STDIN},
    )


def _argument(action: Action, name: str, arguments: Mapping[str, object], secrets: Collection[str]) -> Value | None:
    parameter = action.find_parameter(name)
    assert parameter is not None
    if name in arguments:
        return check_value(parameter, arguments[name])
    if parameter.is_secret and name in secrets:
        return None
    if parameter.default is not None or parameter.is_optional:
        return parameter.default
    raise refused(parameter, "is missing")


def _argv(action: Action, variant: Variant, arguments: Mapping[str, Value]) -> tuple[str, ...]:
    words: list[str] = []
    are_options_over = False
    for template in variant.words:
        made = _words(action, template, arguments)
        if not are_options_over:
            _check_no_option(action, template, made)
        words += made
        are_options_over = are_options_over or template == "--"
    if sum(len(word.encode()) + 1 for word in words) > _WORDS_LIMIT_BYTES:
        raise InputError(f"cannot run {action.name}: its words are longer than {_WORDS_LIMIT_BYTES} bytes together")
    return tuple(words)


def _words(action: Action, template: str, arguments: Mapping[str, Value]) -> list[str]:
    """Return the words that one word of the template becomes; a placeholder without value takes its word away."""
    found = PLACEHOLDER.search(template)
    if found is None:
        return [template]
    parameter = action.find_parameter(found[1])
    assert parameter is not None
    if parameter.name not in arguments:
        return []
    before, after = template[: found.start()], template[found.end() :]
    return [f"{before}{word}{after}" for word in words_of(parameter, arguments[parameter.name])]


def _check_no_option(action: Action, template: str, made: list[str]) -> None:
    found = PLACEHOLDER.match(template)
    parameter = action.find_parameter(found[1]) if found else None
    # A flag's word was written by the author of the action.
    if parameter is None or parameter.word:
        return
    if any(word.startswith("-") for word in made):
        raise refused(parameter, "begins with a dash, and the program would take it for an option")


def _unknown(action: Action, name: str) -> dict[str, str]:
    near = did_you_mean(name, [parameter.name for parameter in action.parameters])
    return {"pointer": f"#/arguments/{name[:60]}", "detail": f"is not known; {near}" if near else "is not known"}
