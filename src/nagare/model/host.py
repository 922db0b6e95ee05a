"""A host: a machine that the installation knows, and how alive it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from nagare.errors import InputError


class HostState(StrEnum):
    """Liveness as people read it: up, late, silent, or never heard of."""

    UP = "up"
    STALE = "stale"
    DOWN = "down"
    UNKNOWN = "unknown"


# What an operator may let a host do; metrics every host may send.
CAPABILITIES = ("metrics", "commands", "update")


def check_capabilities(capabilities: list[str]) -> frozenset[str]:
    """Return ``capabilities`` with ``metrics``, which every host has. Raises InputError."""
    unknown = sorted(set(capabilities) - set(CAPABILITIES))
    if unknown:
        raise InputError(
            f"cannot use capability {unknown[0][:60]!r}: there is no such one",
            hint=f"there are {', '.join(CAPABILITIES)}; name each by itself",
            errors=[{"pointer": "#/capabilities", "detail": "unknown"}],
        )
    return frozenset({"metrics", *capabilities})


class Enrolment(StrEnum):
    """How far a host has come: waiting for an operator, at work, or shut out."""

    PENDING = "pending"
    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Contest:
    """Another machine that asked for a host's name: a clone, or two machines of one name. Shown, never merged."""

    machine_id: str
    address: str
    at_ms: int


# Three missed intervals make a host stale (one lost batch must not), twelve make it down: a minute at the default 5 s.
STALE_INTERVALS = 3
DOWN_INTERVALS = 12


def host_state(silence_seconds: float | None, interval_seconds: float) -> HostState:
    """Return the state of a host last heard ``silence_seconds`` ago that reports every ``interval_seconds``."""
    if silence_seconds is None:
        return HostState.UNKNOWN
    if silence_seconds > DOWN_INTERVALS * interval_seconds:
        return HostState.DOWN
    return HostState.STALE if silence_seconds > STALE_INTERVALS * interval_seconds else HostState.UP


@dataclass(frozen=True, slots=True)
class Host:
    """One registered host; times are aware UTC."""

    id: str
    name: str
    machine_id: str
    registered_at: datetime
    last_seen_at: datetime | None
    interval_seconds: float
    version: str
    labels: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    public_key: str | None = None
    # What its agent told last, apart from what operators made of it.
    agent_labels: Mapping[str, str] = field(default_factory=dict)
    enrolment: Enrolment = Enrolment.ACTIVE
    # What it may do beside sending metrics: commands, update.
    capabilities: frozenset[str] = frozenset({"metrics"})
    conflict: Contest | None = None

    @property
    def given_labels(self) -> dict[str, str]:
        """The labels that an operator or a join token gave it, without those that are only its agent's word."""
        return {key: value for key, value in self.labels.items() if self.agent_labels.get(key) != value}
