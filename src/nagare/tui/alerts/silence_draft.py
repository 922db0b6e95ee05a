"""A silence that is being written: matchers to choose from, texts as they are typed, and the request that they make. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nagare.errors import InputError
from nagare.lib.units import parse_duration
from nagare.model.alert.matcher import Matcher, all_match, parse_matchers
from nagare.wire.alerts import SilenceRequest

if TYPE_CHECKING:
    from nagare.wire.alerts import AlertView

# What a silence is about unless somebody says otherwise.
_USUAL = ("alertname", "host")
# A pattern of more would be unreadable, and is refused from some length on.
_MOST_VALUES = 12
_PATTERN_LETTERS = re.compile(r"([\\.^$*+?{}\[\]|()])")
IDLE_LEAST_SECONDS = 60.0
LASTS_USUAL = "2h"


@dataclass(frozen=True, slots=True)
class Choice:
    """One matcher that may be switched on."""

    matcher: Matcher
    is_on: bool


@dataclass(frozen=True, slots=True)
class SilenceDraft:
    """The matchers that are on, further ones as they are typed, and how long and why."""

    matchers: tuple[Matcher, ...] = ()
    further: str = ""
    lasts: str = LASTS_USUAL
    reason: str = ""
    idle: str = ""


def choices_of(alerts: Sequence[AlertView]) -> tuple[Choice, ...]:
    """Return a matcher for each label that all ``alerts`` have: those of their name and host are on."""
    found = []
    for name in sorted(set.intersection(*(set(alert.labels) for alert in alerts)) if alerts else ()):
        values = list(dict.fromkeys(alert.labels[name] for alert in alerts))
        if len(values) == 1:
            found.append(Choice(Matcher(name, "=", values[0]), name in _USUAL))
        elif len(values) <= _MOST_VALUES:
            found.append(Choice(Matcher(name, "=~", "|".join(map(_literal, values))), name in _USUAL))
    return tuple(sorted(found, key=lambda choice: (not choice.is_on, choice.matcher.name)))


def _literal(text: str) -> str:
    return _PATTERN_LETTERS.sub(r"\\\1", text)


def matchers_of(draft: SilenceDraft) -> tuple[Matcher, ...]:
    """Return the matchers that hold together. Raises InputError."""
    try:
        words = shlex.split(draft.further)
    except ValueError:
        raise InputError("cannot read matchers: a quote is not closed") from None
    return parse_matchers([*map(str, draft.matchers), *words])


def matching(draft: SilenceDraft, alerts: Iterable[AlertView]) -> list[AlertView]:
    """Return the alerts that it would be about. Raises InputError."""
    matchers = matchers_of(draft)
    return [alert for alert in alerts if all_match(matchers, _labels(alert))]


def _labels(alert: AlertView) -> Mapping[str, str]:
    return alert.labels


def request_of(draft: SilenceDraft) -> SilenceRequest:
    """Return the request that the draft says. Raises InputError for the first thing that is wrong."""
    matchers = matchers_of(draft)
    lasts = parse_duration(draft.lasts.strip() or LASTS_USUAL)
    if not draft.reason.strip():
        raise InputError("cannot make silence: say why nobody need be told")
    idle = parse_duration(draft.idle) if draft.idle.strip() else None
    if idle is not None and idle < IDLE_LEAST_SECONDS:
        raise InputError("cannot make silence: unused for a minute at the least")
    return SilenceRequest([str(matcher) for matcher in matchers], draft.reason.strip(), lasts, idle_seconds=idle)
