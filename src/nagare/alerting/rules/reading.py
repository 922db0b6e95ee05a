"""Reads a rule that came by the API: as those of files are read, and within the bounds of one row of the records. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nagare.errors import InputError
from nagare.lib.canonical_json import canonical
from nagare.lib.plain_text import plain
from nagare.model.alert.definition import parse_rule
from nagare.model.alert.rule import Rule, RuleOrigin
from nagare.model.alert.written import written

# All fields of a rule together, as JSON; a file has its own bound.
DEFINITION_LIMIT_BYTES = 65_536
# What a statement of several lines has.
_LAYOUT = str.maketrans("\t\r\n", "   ")


def read_rule(given: Mapping[str, Any], name: str | None) -> Rule:
    """Return the rule of ``name`` (None: its own) that ``given`` says. Raises InputError with a pointer at every fault."""
    if name is not None and given.get("name", name) != name:
        raise _unlawful("name", f"is another one than that of the address, {name[:80]}")
    rule = parse_rule(given if name is None else {**given, "name": name}, RuleOrigin.API)
    said = written(rule)
    for place, text in _texts(said):
        if plain(bare := text.translate(_LAYOUT)) != bare:
            # It is shown in terminals of people who did not write it.
            raise _unlawful(place, "holds a character that nobody sees")
    size = len(canonical(said))
    if size > DEFINITION_LIMIT_BYTES:
        raise InputError(f"cannot use rule: it has {size} bytes, {DEFINITION_LIMIT_BYTES} at the most")
    return rule


def _texts(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in said.items():
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, list):
            yield from ((key, text) for text in value)
        else:
            yield from ((f"{key}/{name}", text) for name, text in value.items())


def _unlawful(place: str, cause: str) -> InputError:
    told = f"rule.{place.replace('/', '.')}: {cause}"
    return InputError(f"cannot use rule: {told}", errors=[{"pointer": f"#/rule/{place}", "detail": cause}])
