"""Receivers, their channels, escalations and rotations. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from nagare.model.event import Severity


class ChannelKind(StrEnum):
    """How a channel is spoken to."""

    # The toast and the bell of every ``nagare top`` that is connected.
    TERMINAL = "terminal"
    # Alertmanager's webhook, version 4, with our own fields beside it.
    WEBHOOK = "webhook"
    NTFY = "ntfy"
    SLACK = "slack"
    TELEGRAM = "telegram"
    PAGERDUTY = "pagerduty"
    # Everything else that the library of that name knows, by its URL.
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach a receiver.

    ``key`` tells it from every other and stays (``<receiver>/<name>``). What is secret stands in ``secret_file`` (a path) or in the
    environment variable ``secret_env``, one of the two, and is read at each sending; what it is depends on the kind: the URL of a
    webhook, of apprise or of Slack's incoming webhook, the token of a bot, a routing key. ``options`` are the kind's own, and no secrets.
    """

    key: str
    kind: ChannelKind
    secret_file: str = ""
    secret_env: str = ""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    # The least severity that is told here, and whether ends are.
    severity: Severity = Severity.INFO
    tells_resolved: bool = True
    # How many may be sent within a minute, so that a provider does not shut us out.
    per_minute: float = 20.0


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told, on all of ``channels``; ``fallback`` names the receiver that is told when one of them cannot be reached."""

    name: str
    channels: tuple[Channel, ...]
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """Who stands in, from one moment to another; Unix milliseconds."""

    from_ms: int
    until_ms: int
    receiver: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """People who take turns: ``people`` are names of receivers; a turn begins every ``days`` days at the wall clock of ``starts_at``.

    ``starts_at`` is local time without a zone (ISO 8601) in ``zone``: a turn begins at the same hour in summer and in winter.
    """

    name: str
    people: tuple[str, ...]
    starts_at: str
    days: int
    zone: ZoneInfo
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an escalation: whom to tell (receivers and rotations) once somebody was needed for so long."""

    after_seconds: float
    receivers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Escalation:
    """Steps by rising ``after_seconds``, the first at 0."""

    name: str
    steps: tuple[Step, ...]
