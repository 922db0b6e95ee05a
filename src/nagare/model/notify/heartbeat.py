"""Heartbeats: signs of life that others owe us, and the one that we send. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.model.event import Severity


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life that must come every ``every_seconds``, and is missed ``grace_seconds`` after that."""

    name: str
    every_seconds: float
    grace_seconds: float
    severity: Severity = Severity.HIGH
    text: str = ""


@dataclass(frozen=True, slots=True)
class Pulse:
    """Our own sign of life, sent to a URL that somebody else watches; the URL is secret as that of a channel is."""

    secret_file: str
    secret_env: str
    every_seconds: float = 60.0
