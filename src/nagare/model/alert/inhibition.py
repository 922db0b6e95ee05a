"""Inhibition: alerts that follow from another one are not told of while that one is active. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nagare.model.alert.alert import Alert
from nagare.model.alert.matcher import Matcher, all_match

# The source of alerts that were made by rules here.
_RULES = "rules"


@dataclass(frozen=True, slots=True)
class Inhibition:
    """Which alerts (``targets``) are held back by which (``sources``), if both have the same values of ``equal``.

    A label that is not there is an empty one. What a foreign sender says of an alert holds others back only with
    ``foreign_sources``: who may send alerts must not be able to keep people from being told of other ones. An alert that is of both sides holds nobody of both sides back, nor itself.
    """

    name: str
    sources: tuple[Matcher, ...]
    targets: tuple[Matcher, ...]
    equal: tuple[str, ...]
    foreign_sources: bool = False

    def may_hold(self, alert: Alert) -> bool:
        """Tell whether ``alert``, while it is active, holds others back."""
        return (self.foreign_sources or alert.source == _RULES) and all_match(self.sources, alert.labels)


class Inhibited:
    """Which of the active alerts hold others back, as of one moment: made once, asked for many."""

    def __init__(self, rules: Iterable[Inhibition], alerts: Iterable[Alert]) -> None:
        """Note the active alerts that may hold others back."""
        self._rules = tuple(rules)
        active = [alert for alert in alerts if alert.is_active]
        self._sources: list[dict[tuple[str, ...], list[Alert]]] = []
        for rule in self._rules:
            found: dict[tuple[str, ...], list[Alert]] = {}
            for alert in active:
                if rule.may_hold(alert):
                    found.setdefault(_key(rule.equal, alert.labels), []).append(alert)
            self._sources.append(found)

    def by(self, alert: Alert) -> Sequence[tuple[Inhibition, Alert]]:
        """Return what holds ``alert`` back: the rule and the other alert, the first of each rule."""
        held = []
        for rule, sources in zip(self._rules, self._sources, strict=True):
            if not sources or not all_match(rule.targets, alert.labels):
                continue
            is_source = all_match(rule.sources, alert.labels)
            for other in sources.get(_key(rule.equal, alert.labels), ()):
                if other.id != alert.id and not (is_source and all_match(rule.targets, other.labels)):
                    held.append((rule, other))
                    break
        return held


def _key(equal: Sequence[str], labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in equal)
