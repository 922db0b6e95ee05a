"""Matchers of labels, as Alertmanager writes them: ``host=web1``, ``team!=db``, ``mount=~/srv/.*``, ``alertname!~Disk.*``. Pure.

A pattern has no groups and few repetitions, so that no text can make it search for long: what an operator types is tried on
labels that strangers chose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from nagare.errors import InputError

MATCHERS_LIMIT = 20
TEXT_LIMIT = 500
# Longer ones are cut for a pattern.
_SEARCHED = 256
_FORM = re.compile(r"\s*([a-zA-Z_][a-zA-Z0-9_.]{0,62})\s*(=~|!~|!=|=)\s*(.*)", re.DOTALL)
# What a pattern takes for itself: an escaped character, and a class of characters.
_OPAQUE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_REPEATS = re.compile(r"[*+?{]")
# Each more makes it search 256 times as long; one of everything at the end costs nothing.
_REPEATS_LIMIT = 2


@dataclass(frozen=True, slots=True)
class Matcher:
    """One matcher. A label that is not there is an empty one."""

    name: str
    sign: str
    text: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether it is true of ``labels``."""
        value = labels.get(self.name, "")
        if self.sign in ("=", "!="):
            return (value == self.text) == (self.sign == "=")
        return _is_found(self.text, value[:_SEARCHED]) == (self.sign == "=~")

    def __str__(self) -> str:
        """Return it as it is written: ``parse_matcher`` gives the same one back."""
        text = self.text
        is_quoted = len(text) >= 2 and text[0] == text[-1] == '"'
        # ``a=~b`` would be a pattern, and blanks at the ends would be lost.
        if is_quoted or text != text.strip() or (self.sign == "=" and text.startswith("~")):
            text = f'"{text}"'
        return f"{self.name}{self.sign}{text}"


def parse_matcher(text: str) -> Matcher:
    """Return the matcher that ``text`` writes. Raises InputError."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise InputError(
            f"cannot read matcher {text[:80]!r}: no name, sign and value",
            hint="write it as host=web1, host!=web1, mount=~/srv/.* or team!~db|web",
        )
    name, sign, value = found[1], found[2], found[3].strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if len(value) > TEXT_LIMIT:
        raise InputError(f"cannot read matcher of {name}: {len(value)} characters, {TEXT_LIMIT} at the most")
    if sign in ("=~", "!~"):
        _check_pattern(name, value)
    return Matcher(name, sign, value)


def parse_matchers(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Return matchers that are to hold together. Raises InputError; also for none, which would match everything."""
    matchers = tuple(parse_matcher(text) for text in texts)
    if not matchers:
        raise InputError("cannot match alerts: no matcher is given", hint="name what is meant, such as host=web1")
    if len(matchers) > MATCHERS_LIMIT:
        raise InputError(f"cannot match alerts: {len(matchers)} matchers, {MATCHERS_LIMIT} at the most")
    if all(matcher.matches({}) for matcher in matchers):
        raise InputError(
            "cannot match alerts: every matcher is true of an alert without labels, so that all would match",
            hint="name something that the alerts have, such as host=web1 or severity=info",
        )
    return matchers


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Tell whether every matcher is true of ``labels``."""
    return all(matcher.matches(labels) for matcher in matchers)


def _check_pattern(name: str, text: str) -> None:
    if "(" in _shape(text):
        raise InputError(
            f"cannot use pattern of {name}: groups are not known here", hint="write alternatives out: web1|web2"
        )
    for part in _parts(text):
        if len(_REPEATS.findall(_shape(part).removesuffix(".*"))) > _REPEATS_LIMIT:
            raise InputError(f"cannot use pattern of {name}: more than {_REPEATS_LIMIT} repetitions in {part[:80]!r}")
        try:
            re.compile(part)
        except (re.error, OverflowError) as error:
            raise InputError(f"cannot use pattern of {name}: {error}") from error


def _shape(text: str) -> str:
    """Return ``text`` with letters for what is no sign of a pattern; of the same length, so that places in both are the same."""
    return _OPAQUE.sub(lambda found: "x" * len(found[0]), text)


def _parts(text: str) -> list[str]:
    borders = [-1, *(place for place, sign in enumerate(_shape(text)) if sign == "|"), len(text)]
    return [text[begin + 1 : end] for begin, end in pairwise(borders)]


@lru_cache(maxsize=20_000)
def _is_found(text: str, value: str) -> bool:
    return any(part.fullmatch(value) is not None for part in _patterns(text))


@lru_cache(maxsize=1000)
def _patterns(text: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(part, re.DOTALL) for part in _parts(text))
