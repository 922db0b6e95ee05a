"""Which machines need no word from an operator: rules of the configuration, over what a machine cannot say of itself.

A rule looks at the address from which the connection came and at the labels that the join token gives. What the agent
tells of itself proves nothing, so no rule sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nagare.config.settings import AcceptRule
from nagare.fleet.joining import Joining, is_same
from nagare.lib.networks import is_within
from nagare.model.host import Enrolment, Host, check_capabilities
from nagare.wire.hosts import RegisterRequest


def find_rule(rules: Iterable[AcceptRule], address: str, labels: Mapping[str, str]) -> AcceptRule | None:
    """Return the first rule that a machine at ``address``, with those labels of its token, meets."""
    for rule in rules:
        is_near = not rule.networks or is_within(address, rule.networks)
        if is_near and all(labels.get(key) == value for key, value in rule.labels.items()):
            return rule
    return None


def rule_capabilities(rule: AcceptRule) -> frozenset[str]:
    """Return what a rule grants."""
    return check_capabilities(list(rule.capabilities))


def admits(known: Host | None, hosts: Iterable[Host], request: RegisterRequest, joining: Joining | None) -> bool:
    """Tell whether the rule that ``joining`` names may let the machine work at once.

    Never a machine that is known otherwise, by another key or another name: it may be a copy. Never one whose name was contested.
    """
    if joining is None or not joining.rule or joining.accepts:
        return False
    if any(host.machine_id == request.machine_id and host.name != request.name for host in hosts):
        return False
    if known is None:
        return True
    return is_same(known, request) and known.conflict is None and known.enrolment is Enrolment.PENDING
