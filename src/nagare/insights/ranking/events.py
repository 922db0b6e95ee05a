"""Which events stand near the onset: a deploy, a command, a reboot or a changed configuration explains more than any figure.

Only nearness in time and place, and what kind of event it is, are weighed; that one came before the other proves nothing, and the
answer says so by its score.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Kinds that change something, by words in their names or texts; others are told, with less weight.
_CHANGES = (
    "deploy", "release", "rollout", "upgrade", "update", "install", "config", "reload", "command", "restart", "reboot", "boot",
    "started", "stopped", "failed", "oom", "killed", "migration", "scaled", "maintenance", "clock",
)  # fmt: skip
# What is told because of the incident is no cause of it.
CONSEQUENCES = ("alert.", "notification", "incident")
# An event explains what begins within minutes after it: half as much at each further such time.
_HALF_MS = 180_000.0
# Clocks of hosts and steps of series differ: that much after the onset it may still be the cause.
_AFTER_MS = 15_000
_BEFORE_MS = 1_800_000


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as far as it matters here: ``ts`` in Unix milliseconds, ``about`` the component or host it happened to."""

    ts: int
    kind: str
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class NearEvent:
    """An event near the onset: ``score`` 0 to 1, ``before_ms`` how long before it, negative for after."""

    happening: Happening
    score: float
    before_ms: int


def events_near(
    happenings: Iterable[Happening], onset_ms: int, suspects: Iterable[str] = (), most: int = 10
) -> list[NearEvent]:
    """Return up to ``most`` events that may have to do with what began at ``onset_ms``, likeliest first.

    ``suspects`` are the ranked components or hosts, worst first: what happened to them counts more. Events of more than 30
    minutes before are left out, as are those after, and those that tell of the incident itself.
    """
    places = {name: place for place, name in enumerate(suspects)}
    near = [
        NearEvent(one, round(_score(one, onset_ms, places), 4), onset_ms - one.ts)
        for one in happenings
        if -_AFTER_MS <= onset_ms - one.ts <= _BEFORE_MS and not one.kind.startswith(CONSEQUENCES)
    ]
    return sorted(near, key=lambda one: (-one.score, one.before_ms, one.happening.text))[:most]


def _score(one: Happening, onset_ms: int, places: dict[str, int]) -> float:
    nearness: float = 0.5 ** (max(onset_ms - one.ts, 0) / _HALF_MS)
    said = f"{one.kind} {one.text}".lower()
    changes = 1.0 if any(word in said for word in _CHANGES) else 0.4
    place = places.get(one.about)
    # Of no host at all is of all of them; of a host that nothing points to, of little interest.
    whose = (0.6 if not one.about else 0.3) if place is None else 1.0 / (1.0 + 0.2 * place)
    return nearness * changes * whose
