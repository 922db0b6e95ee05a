"""What becomes of a host when its machine registers, or says anew what it is; pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace

from nagare.fleet.accept_rules import admits
from nagare.fleet.joining import Joining, capabilities_of, enrolment_of
from nagare.fleet.rules import GROUP_LABEL, check_registration, merge_labels, without_group
from nagare.fleet.store import from_ms
from nagare.model.host import Host
from nagare.wire.hosts import HostPresentation, RegisterRequest, as_request


def registered(hosts: Mapping[str, Host], request: RegisterRequest, joining: Joining | None, now_ms: int) -> Host:
    """Return the host of a registration that nobody contests; ``hosts`` are those known, by name."""
    known = hosts.get(request.name)
    if joining is not None and admits(known, hosts.values(), request, joining):
        joining = replace(joining, accepts=True, capabilities=joining.rule_capabilities | joining.capabilities)
        # What was kept of one that waits came from its token alone.
        known = known and replace(known, capabilities=joining.capabilities)
    told = {**request.labels, **(joining.labels if joining else {})}
    return Host(
        id=known.id if known else uuid.uuid4().hex,
        name=request.name,
        machine_id=request.machine_id,
        # To the millisecond, as it is kept: a restart must not change it.
        registered_at=known.registered_at if known else from_ms(now_ms),
        last_seen_at=known.last_seen_at if known else None,
        interval_seconds=request.interval_seconds,
        version=request.version,
        labels=merge_labels(request.labels, known.agent_labels, known.labels) if known else told,
        agent_labels=_own(request.labels, known.given_labels if known else joining.labels if joining else {}),
        facts=dict(request.facts),
        public_key=request.public_key,
        enrolment=enrolment_of(known, request, joining),
        capabilities=capabilities_of(known, joining),
        conflict=known.conflict if known else None,
    )


def presented(known: Host, told: HostPresentation) -> Host:
    """Return ``known`` with what it says of itself anew; who it is and what it may stay. Raises InputError.

    In which groups it is, is not its own to say: what a registration with more rights said of that stays.
    """
    request = without_group(as_request(told, known.name, known.machine_id, known.public_key))
    check_registration(request)
    kept = {key: value for key, value in known.agent_labels.items() if key == GROUP_LABEL}
    agent_labels = {**_own(request.labels, known.given_labels), **kept}
    return replace(
        known,
        version=request.version,
        interval_seconds=request.interval_seconds,
        facts=dict(request.facts),
        labels=merge_labels(agent_labels, known.agent_labels, known.labels),
        agent_labels=agent_labels,
    )


def _own(told: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return what of ``told`` is the agent's own: one that says after others what they gave does not take it over."""
    return {key: value for key, value in told.items() if given.get(key) != value}
