"""A schedule: which task is made at which moments, and what becomes of moments that were missed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nagare.errors import InputError
from nagare.model.task import Owner

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Missed(StrEnum):
    """What becomes of moments at which no server was up."""

    SKIP = "skip"
    RUN_ONCE = "run-once"
    RUN_ALL = "run-all"


class Overlap(StrEnum):
    """What becomes of a moment at which an earlier run is not over."""

    SKIP = "skip"
    QUEUE = "queue"


class RunOutcome(StrEnum):
    """What became of a moment."""

    MADE = "made"
    MISSED = "missed"
    OVERLAPPED = "overlapped"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule as it is kept. Times are Unix milliseconds; up to ``seen_ms`` every moment has been decided."""

    name: str
    cron: str
    zone: str
    kind: str
    arguments: Mapping[str, Any]
    owner: Owner
    enabled: bool
    missed: Missed
    missed_limit: int
    grace_seconds: float
    overlap: Overlap
    text: str
    made_ms: int
    changed_ms: int
    seen_ms: int
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one moment of a schedule; ``task_id`` is empty where none was made."""

    schedule: str
    moment_ms: int
    outcome: RunOutcome
    task_id: str
    made_ms: int


def check_name(name: str) -> str:
    """Return ``name`` if a schedule may have it. Raises InputError."""
    if not _NAME.fullmatch(name):
        raise InputError(f"cannot name a schedule {name[:80]!r}: use at most 64 of letters, digits and . _ -")
    return name
