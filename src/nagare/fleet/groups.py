"""Which groups a host is in: those that its label names, and those whose rule its labels meet; pure.

Groups decide who sees a host, so a rule looks only at labels that an operator or a join token gave: what an agent says
of itself must not bring its host before other eyes.
"""

from __future__ import annotations

from collections.abc import Sequence

from nagare.config.settings import GroupRule
from nagare.fleet.rules import GROUP_LABEL
from nagare.model.host import Host


class Groups:
    """The groups of an installation, by its rules."""

    def __init__(self, rules: Sequence[GroupRule] = ()) -> None:
        """Keep the rules."""
        self._rules = tuple(rules)

    @property
    def texts(self) -> dict[str, str]:
        """What each group of a rule is, by name."""
        return {rule.name: rule.text for rule in self._rules}

    def of(self, host: Host) -> frozenset[str]:
        """Return the names of the groups that ``host`` is in."""
        named = frozenset(host.labels.get(GROUP_LABEL, "").split(",")) - {""}
        if not self._rules:
            return named
        given = host.given_labels
        return named | {rule.name for rule in self._rules if rule.labels and rule.labels.items() <= given.items()}
