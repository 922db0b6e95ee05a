"""What this room tells as events: moments of which no run came, and schedules that cannot make any.

A schedule may pass over a moment every minute: of each kind one event an hour tells of a schedule, and counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nagare.lib.plain_text import plain
from nagare.lib.rfc3339 import format_ms
from nagare.model.event import Event, Severity
from nagare.model.schedule import Schedule

AGAIN_MS = 3_600_000
# All schedules may have missed something when a server comes back; the others follow at the next looks.
EACH_LOOK = 50
_TEXT_LIMIT = 1000


class Told(StrEnum):
    """What kept a run from being made."""

    MISSED = "schedule.missed"
    OVERLAPPED = "schedule.overlapped"
    FAULT = "schedule.fault"


_SEVERITY = {
    Told.MISSED: Severity.WARNING,
    # Its owner wanted it so.
    Told.OVERLAPPED: Severity.INFO,
    Told.FAULT: Severity.WARNING,
}


@dataclass(slots=True)
class _Waiting:
    schedule: Schedule
    count: int = 0
    first_ms: int = 0
    last_ms: int = 0
    cause: str = ""
    told_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """One event to tell, and what of the counts it tells."""

    key: tuple[str, Told]
    event: Event
    count: int


class Telling:
    """Collects what happened to schedules, and says when to tell it."""

    def __init__(self) -> None:
        """Begin with nothing to tell."""
        self._waiting: dict[tuple[str, Told], _Waiting] = {}

    def add(self, what: Told, schedule: Schedule, moment_ms: int, cause: str = "") -> None:
        """Count one more; ``moment_ms`` is the moment of which no run came."""
        waiting = self._waiting.setdefault((schedule.name, what), _Waiting(schedule))
        waiting.schedule, waiting.cause = schedule, cause
        waiting.first_ms = moment_ms if not waiting.count else min(waiting.first_ms, moment_ms)
        waiting.last_ms = moment_ms if not waiting.count else max(waiting.last_ms, moment_ms)
        waiting.count += 1

    def due(self, now_ms: int) -> list[Due]:
        """Return what is to be told now, and forget what has been told and did not come again.

        It is due again at the next look unless ``settle`` says that it is stored.
        """
        found: list[Due] = []
        for key, waiting in list(self._waiting.items()):
            is_recent = waiting.told_ms is not None and 0 <= now_ms - waiting.told_ms < AGAIN_MS
            if is_recent or len(found) >= EACH_LOOK:
                continue
            if not waiting.count:
                del self._waiting[key]
                continue
            found.append(Due(key, _event(key[1], waiting, now_ms), waiting.count))
        return found

    def settle(self, due: Due, now_ms: int) -> None:
        """Note that ``due`` was told; what came meanwhile is told later."""
        waiting = self._waiting[due.key]
        waiting.count, waiting.told_ms = waiting.count - due.count, now_ms

    def postpone(self, due: Due) -> None:
        """Let the others come before ``due``, which could not be told."""
        self._waiting[due.key] = self._waiting.pop(due.key)


def _event(what: Told, waiting: _Waiting, now_ms: int) -> Event:
    schedule, since, until = waiting.schedule, format_ms(waiting.first_ms), format_ms(waiting.last_ms)
    when = since if waiting.count == 1 else f"{since} to {until}"
    moments = "1 moment" if waiting.count == 1 else f"{waiting.count} moments"
    text = {
        Told.MISSED: f"schedule {schedule.name} missed {moments} ({when}): no server was up, or none could make its run in time",
        Told.OVERLAPPED: f"schedule {schedule.name} passed over {moments} ({when}): an earlier run was not over",
        Told.FAULT: f"schedule {schedule.name} could not make a run: {waiting.cause}",
    }[what]
    attributes = {
        "schedule": schedule.name,
        "task_kind": schedule.kind,
        "owner": schedule.owner.name,
        "count": str(waiting.count),
    }
    id_ = f"{what}/{schedule.name}/{schedule.made_ms}/{waiting.last_ms}"
    return Event(id_, now_ms, "", what.value, _SEVERITY[what], "schedules", plain(text, _TEXT_LIMIT), attributes)
