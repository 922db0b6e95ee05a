"""When a rollout goes on, waits, ends or stops: pure functions over what is known of its hosts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nagare.errors import InputError
from nagare.model.host import HostState

_SHARES = 10_000
_NAMED_LIMIT = 3
WAVES_LIMIT = 10
CANARIES_LIMIT = 1000


class RolloutState(StrEnum):
    """Where a rollout is. ``PAUSED`` goes on when somebody says so; the others are for good."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    ABORTED = "aborted"


class Progress(StrEnum):
    """How far one host is."""

    OFFERED = "offered"
    INSTALLED = "installed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout as it is kept; ``settled_ms`` is when its wave was complete, None while it is not."""

    id: str
    version: str
    state: RolloutState
    canaries: tuple[str, ...]
    waves: tuple[int, ...]
    gate_seconds: float
    patience_seconds: float
    made_by: str
    started_ms: int
    changed_ms: int
    wave: int = 0
    wave_ms: int = 0
    settled_ms: int | None = None
    attempt: int = 1
    reason: str = ""

    @property
    def key(self) -> str:
        """What an offer carries, so that a host tries one offer once."""
        return f"{self.id}.{self.attempt}"

    @property
    def is_open(self) -> bool:
        """Whether it may still change hosts."""
        return self.state in (RolloutState.RUNNING, RolloutState.PAUSED)


@dataclass(frozen=True, slots=True)
class Step:
    """How far one host is in a rollout, since when, and why it failed."""

    host: str
    progress: Progress
    at_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HostNow:
    """A host that may be updated, as it is now; ``trouble`` is what went bad on it since the rollout began."""

    id: str
    name: str
    state: HostState
    step: Step | None = None
    trouble: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether it told that it runs the new version."""
        return self.step is not None and self.step.progress is Progress.INSTALLED


class Move(StrEnum):
    """What to do with a rollout now."""

    WAIT = "wait"
    UNSETTLE = "unsettle"
    SETTLE = "settle"
    ADVANCE = "advance"
    FINISH = "finish"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A move and its reason."""

    move: Move
    reason: str = ""


def is_reached(rollout: Rollout, host_id: str, name: str) -> bool:
    """Tell whether the waves so far hold the host: canaries first, then by a number that its id draws."""
    if name in rollout.canaries:
        return True
    return rollout.wave > 0 and _draw(rollout.id, host_id) < rollout.waves[rollout.wave - 1] * _SHARES // 100


def pick_canaries(rollout_id: str, hosts: Mapping[str, str], percent: float) -> tuple[str, ...]:
    """Return the names of that share of ``hosts`` (name to id), one at least."""
    count = max(1, math.ceil(len(hosts) * percent / 100))
    return tuple(sorted(sorted(hosts, key=lambda name: _draw(rollout_id, hosts[name]))[:count]))


def check_waves(waves: Sequence[int]) -> tuple[int, ...]:
    """Return lawful waves: rising shares in percent that end with all hosts. Raises InputError."""
    is_lawful = 1 <= len(waves) <= WAVES_LIMIT and all(1 <= share <= 100 for share in waves)
    if not is_lawful or list(waves) != sorted(set(waves)) or waves[-1] != 100:
        raise InputError(
            "cannot roll out in these waves: they must rise and end with 100",
            hint="for example 25,100",
            errors=[{"pointer": "#/waves", "detail": "rising percentages that end with 100"}],
        )
    return tuple(waves)


def judge(rollout: Rollout, hosts: Iterable[HostNow], now_ms: int) -> Verdict:
    """Return what to do with a running rollout whose wave is made of those of ``hosts`` that it reaches."""
    members = [host for host in hosts if is_reached(rollout, host.id, host.name)]
    if bad := [found for host in members if (found := _fault(host))]:
        return Verdict(Move.STOP, _some(bad))
    waiting = [host.name for host in members if _is_awaited(rollout, host)]
    if waiting:
        if now_ms - rollout.wave_ms > rollout.patience_seconds * 1000:
            return Verdict(Move.STOP, f"not up with {rollout.version} in time: {_some(waiting)}")
        return Verdict(Move.WAIT if rollout.settled_ms is None else Move.UNSETTLE)
    if rollout.settled_ms is None:
        return Verdict(Move.SETTLE)
    if now_ms - rollout.settled_ms < rollout.gate_seconds * 1000:
        return Verdict(Move.WAIT)
    return Verdict(Move.FINISH if rollout.wave == len(rollout.waves) else Move.ADVANCE)


def _fault(host: HostNow) -> str:
    if host.step is not None and host.step.progress is Progress.FAILED:
        return f"{host.name}: {host.step.reason or 'failed'}"
    if not host.is_installed:
        return ""
    if host.state is HostState.DOWN:
        return f"{host.name}: silent since the update"
    return f"{host.name}: {host.trouble}" if host.trouble else ""


def _is_awaited(rollout: Rollout, host: HostNow) -> bool:
    if host.name in rollout.canaries:
        return not host.is_installed or host.state is not HostState.UP
    # A host that is away gets the update when it comes back; the others do not wait for it.
    return not host.is_installed and (host.state is HostState.UP or host.step is not None)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_LIMIT
    return "; ".join(names[:_NAMED_LIMIT]) + (f" and {more} more" if more > 0 else "")


def _draw(rollout_id: str, host_id: str) -> int:
    digest = hashlib.sha256(f"{rollout_id}/{host_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % _SHARES
