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
    """A host that may be updated, as it is now; ``trouble`` is what went bad on it since the rollout began.

    ``maintenance`` says why somebody works on it, empty when nobody does. ``is_returning``: it was not up when that
    ended and has not been since. ``excused_ms`` is how long patience with it stood still in this wave.
    """

    id: str
    name: str
    state: HostState
    step: Step | None = None
    trouble: str = ""
    maintenance: str = ""
    is_returning: bool = False
    excused_ms: int = 0

    @property
    def is_installed(self) -> bool:
        """Whether it told that it runs the new version."""
        return self.step is not None and self.step.progress is Progress.INSTALLED

    @property
    def is_well(self) -> bool:
        """Whether it is seen to be up with the new version, in maintenance or not."""
        return self.is_installed and self.state is HostState.UP and not self.trouble

    @property
    def is_held(self) -> bool:
        """Whether nothing can be said of it because somebody works on it: it is neither well nor ill."""
        return bool(self.maintenance) and not self.is_well


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


def is_held_back(maintenance: str, everywhere: Iterable[str]) -> bool:
    """Tell whether a host is offered nothing for now, by why it is in maintenance and why each that may be updated is.

    It waits while somebody works on it. Where that is so of every host there is nobody else to begin with.
    """
    return bool(maintenance) and not all(everywhere)


def waiting(rollout: Rollout, hosts: Iterable[HostNow]) -> list[HostNow]:
    """Return those of ``hosts`` that the waves so far hold and that wait because they are in maintenance."""
    return [host for host in hosts if host.is_held and is_reached(rollout, host.id, host.name)]


def judge(rollout: Rollout, hosts: Iterable[HostNow], now_ms: int, well_ms: int = 0) -> Verdict:
    """Return what to do with a running rollout whose wave is made of those of ``hosts`` that it reaches.

    A host in maintenance is waited for by nobody and proves nothing: a wave passes by those that are seen to be well, of
    whom there must be one. The last wave waits for the others as long as its patience lasts, and then ends without them.
    ``well_ms`` is for how long any was well in this wave.
    """
    members = [host for host in hosts if is_reached(rollout, host.id, host.name)]
    awaited = [host for host in members if _is_awaited(rollout, host)]
    if reason := _why_stop(rollout, members, awaited, now_ms, well_ms):
        return Verdict(Move.STOP, reason)
    if awaited or not any(host.is_well for host in members):
        return Verdict(Move.WAIT if rollout.settled_ms is None else Move.UNSETTLE)
    if rollout.settled_ms is None:
        return Verdict(Move.SETTLE)
    is_last, held = rollout.wave == len(rollout.waves), _held(members)
    is_hoping = is_last and held and not _is_out_of_patience(rollout, 0, now_ms)
    if is_hoping or now_ms - rollout.settled_ms < rollout.gate_seconds * 1000:
        return Verdict(Move.WAIT)
    if not is_last:
        return Verdict(Move.ADVANCE)
    return Verdict(Move.FINISH, f"without {_some(held)}" if held else "")


def _why_stop(
    rollout: Rollout, members: Sequence[HostNow], awaited: Sequence[HostNow], now_ms: int, well_ms: int
) -> str:
    if bad := [found for host in members if (found := _fault(host))]:
        return _some(bad)
    if late := [host.name for host in awaited if _is_out_of_patience(rollout, host.excused_ms, now_ms)]:
        return f"not up with {rollout.version} in time: {_some(late)}"
    is_vain = not awaited and not any(host.is_well for host in members)
    if is_vain and _is_out_of_patience(rollout, well_ms, now_ms):
        return f"nobody seen well with {rollout.version} in time: {_some(_held(members) or ['no host is left'])}"
    return ""


def _held(members: Iterable[HostNow]) -> list[str]:
    return [f"{host.name} (in maintenance: {host.maintenance})" for host in members if host.is_held]


def _is_out_of_patience(rollout: Rollout, excused_ms: int, now_ms: int) -> bool:
    return now_ms - rollout.wave_ms - excused_ms > rollout.patience_seconds * 1000


def _fault(host: HostNow) -> str:
    # What an agent says itself counts at any time; silence and the like do not while somebody works on the host.
    if host.step is not None and host.step.progress is Progress.FAILED:
        return f"{host.name}: {host.step.reason or 'failed'}"
    if not host.is_installed or host.maintenance:
        return ""
    if host.state is HostState.DOWN and not host.is_returning:
        return f"{host.name}: silent since the update"
    return f"{host.name}: {host.trouble}" if host.trouble else ""


def _is_awaited(rollout: Rollout, host: HostNow) -> bool:
    if host.maintenance:
        return False
    if host.name in rollout.canaries or (host.is_installed and host.is_returning):
        return not host.is_installed or host.state is not HostState.UP
    # A host that is away gets the update when it comes back; the others do not wait for it.
    return not host.is_installed and (host.state is HostState.UP or host.step is not None)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_LIMIT
    return "; ".join(names[:_NAMED_LIMIT]) + (f" and {more} more" if more > 0 else "")


def _draw(rollout_id: str, host_id: str) -> int:
    digest = hashlib.sha256(f"{rollout_id}/{host_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % _SHARES
