"""Reads what stands on the line of ``nagare run`` behind the hosts: the action and its arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nagare.errors import InputError, NotFoundError
from nagare.lib.nearest import did_you_mean
from nagare.model.command.parameters import Kind

if TYPE_CHECKING:
    from nagare.wire.command_jobs import ActionView, ParameterView
    from nagare.wire.commands import ArgumentValue

_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_NUMBERS = frozenset({Kind.INTEGER, Kind.PID})


def find_action(actions: Sequence[ActionView], name: str) -> ActionView:
    """Return the action of that name. Raises NotFoundError with the nearest one."""
    found = next((action for action in actions if action.name == name), None)
    if found is None:
        near = did_you_mean(name, [action.name for action in actions])
        raise NotFoundError(
            f"cannot run {name[:80]!r}: the server knows no such action",
            hint=near or "`nagare commands actions` lists them",
        )
    return found


def parse_arguments(action: ActionView, words: Iterable[str]) -> dict[str, ArgumentValue]:
    """Return ``NAME=VALUE`` words as arguments of ``action``, typed as it asks; a list's parts come one by one.

    The server checks them again. Raises InputError.
    """
    known = {parameter.name: parameter for parameter in action.parameters}
    found: dict[str, ArgumentValue] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise InputError(
                f"cannot use argument {word[:80]!r}: it must read NAME=VALUE",
                hint="options of nagare stand before --" if word.startswith("-") else _takes(action),
            )
        parameter = known.get(name)
        if parameter is None:
            raise InputError(
                f"cannot use argument {name[:80]}: {action.name} has no such one",
                hint=did_you_mean(name, known) or _takes(action),
            )
        value = _value(parameter, text)
        before = found.get(name)
        if before is not None and not isinstance(value, list):
            raise InputError(f"cannot use argument {name}: it is given twice, and is no list")
        found[name] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value
    return found


def _value(parameter: ParameterView, text: str) -> ArgumentValue:
    if parameter.kind == Kind.SECRET:
        raise InputError(
            f"cannot use argument {parameter.name}: it is a secret, and others can see a command line",
            hint=f"take another one now, and give it by --secret {parameter.name}",
        )
    if parameter.is_list:
        return [text]
    if parameter.kind in _NUMBERS:
        try:
            return int(text)
        except ValueError:
            raise InputError(f"cannot use argument {parameter.name}: {text[:40]!r} is no whole number") from None
    if parameter.kind == Kind.FLAG:
        return _flag(parameter, text)
    return text


def _flag(parameter: ParameterView, text: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise InputError(f"cannot use argument {parameter.name}: {text[:40]!r} is neither true nor false")
    return word in _TRUE


def _takes(action: ActionView) -> str:
    names = ", ".join(parameter.name for parameter in action.parameters)
    return f"{action.name} takes {names or 'no arguments'}"
