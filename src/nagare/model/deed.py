"""What the audit log keeps of one deed: a change, or an attempt that was refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a deed ended. ``UNKNOWN`` is one that was begun and whose end a crash swallowed."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did what to what, from where, and how it ended.

    ``action`` is ``<room>.<verb>``. ``before`` and ``after`` are JSON values of what changed, without secrets.
    """

    action: str
    outcome: Outcome
    actor: str
    actor_id: str = ""
    actor_kind: str = ""
    address: str = ""
    target: str = ""
    request_id: str = ""
    detail: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    # How many like it this one stands for: refused attempts come in floods.
    count: int = 1
