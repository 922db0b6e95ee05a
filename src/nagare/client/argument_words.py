"""Arguments of a task as people type them: NAME=VALUE, where a value that is JSON is taken as such and any other as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nagare.errors import InputError


def read_arguments(words: Sequence[str], document: str = "") -> dict[str, Any]:
    """Return what ``words`` say, over what ``document`` (a JSON object) says. A dot in a name goes into an object.

    Raises InputError.
    """
    found = _object(document) if document else {}
    for word in words:
        name, separator, text = word.partition("=")
        if not separator or not all(name.split(".")):
            hint = "on a command line --arguments '{…}' takes all of them as one JSON object"
            raise InputError(f"cannot use argument {word[:80]!r}: NAME=VALUE is meant", hint=hint)
        _put(found, name.split("."), _value(text))
    return found


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(f"cannot read --arguments: {error}", hint="give one JSON object") from error
    if not isinstance(found, dict):
        raise InputError("cannot read --arguments: it is no JSON object")
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _put(into: dict[str, Any], names: Sequence[str], value: Any) -> None:
    for name in names[:-1]:
        below = into.setdefault(name, {})
        if not isinstance(below, dict):
            raise InputError(f"cannot use argument {'.'.join(names)}: {name} is a value of its own")
        into = below
    into[names[-1]] = value
