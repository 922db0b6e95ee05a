"""The life of an alert, as a function of what was and what is seen now. Pure; the clock is an argument.

A clock that was set back must not make an alert wait, or stay, longer than its rule says: a moment that lies ahead of now counts
as now, and what had passed of ``for`` when it was seen last still counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from nagare.model.alert.alert import Alert, AlertState, Transition
from nagare.model.alert.rule import NoData, Rule
from nagare.model.event import Severity

_S = AlertState
# So often within so long is no news any more.
FLAPS = 3
FLAP_MS = 3_600_000
_COMES_KEPT = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look says of one thing: its labels and texts, the value, and whether it fires or has ended."""

    source: str
    fingerprint: str
    rule: str
    severity: Severity
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float | None
    is_firing: bool
    is_calm: bool
    # What its rule asks and calls things.
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long what must hold; seconds."""

    for_seconds: float = 0.0
    keep_firing_seconds: float = 0.0
    reopen_seconds: float = 600.0

    @classmethod
    def of(cls, rule: Rule) -> Timing:
        """Return that of a rule."""
        return cls(rule.for_seconds, rule.keep_firing_seconds, rule.reopen_seconds)


@dataclass(frozen=True, slots=True)
class Step:
    """An alert after a look, and its turns; without turns only what is measured of it changed.

    ``is_dropped``: it was pending and came to nothing; nobody heard of it, and nothing of it is kept. ``back``: what somebody did here
    that is to be written back to who told of it, empty for nothing.
    """

    alert: Alert
    turns: tuple[Transition, ...] = ()
    is_dropped: bool = False
    back: str = ""


def look(known: Alert | None, seen: Seen, timing: Timing, now_ms: int, make_id: Callable[[], str]) -> tuple[Step, ...]:
    """Return what becomes of ``known`` (the open alert of the thing, if there is one), and of one that begins."""
    if known is None or known.state is _S.CLOSED:
        return (_begin(seen, timing, now_ms, make_id),) if seen.is_firing else ()
    known = replace(known, is_stale=False)
    match known.state:
        case _S.PENDING:
            return (_pending(known, seen, timing, now_ms),)
        case _S.RESOLVED:
            return _resolved(known, seen, timing, now_ms, make_id)
        case _:
            return (_active(known, seen, timing, now_ms),)


def miss(known: Alert, no_data: NoData, timing: Timing, now_ms: int) -> tuple[Step, ...]:
    """Return what becomes of ``known`` when an answer has nothing of it."""
    if no_data is NoData.RESOLVE or known.state in (_S.PENDING, _S.RESOLVED):
        return look(known, _gone(known), timing, now_ms, lambda: known.id)
    step = doubt(known, now_ms)
    return () if step is None else (step,)


def doubt(known: Alert, now_ms: int) -> Step | None:
    """Return what becomes of ``known`` when nobody could look: it stays as it is, and is called stale."""
    if known.is_stale or not known.is_active:
        return None
    return Step(replace(known, is_stale=True, changed_ms=now_ms))


def is_flapping(alert: Alert, now_ms: int) -> bool:
    """Tell whether it came so often lately that its coming says little."""
    return sum(1 for moment in alert.comes if abs(now_ms - moment) <= FLAP_MS) >= FLAPS


def acknowledge(alert: Alert, actor: str, cause: str, now_ms: int) -> Step | None:
    """Put an active alert into somebody's hands; None where it is there already, or is not active."""
    if alert.state not in (_S.FIRING, _S.REOPENED):
        return None
    return _turn(replace(alert, owner=actor), _S.ACKNOWLEDGED, actor, cause, now_ms)


def unacknowledge(alert: Alert, actor: str, cause: str, now_ms: int) -> Step | None:
    """Take it out of the hands of who has it; None where nobody has."""
    if alert.state is not _S.ACKNOWLEDGED:
        return None
    before = _S.REOPENED if len(alert.comes) > 1 else _S.FIRING
    return _turn(replace(alert, owner=""), before, actor, cause, now_ms)


def resolve(alert: Alert, actor: str, cause: str, now_ms: int) -> Step | None:
    """End an active alert by hand; where its condition still holds, the next look opens it again. None if not active."""
    if not alert.is_active:
        return None
    return _turn(replace(alert, ended_ms=now_ms, again_ms=None), _S.RESOLVED, actor, cause, now_ms)


def close(alert: Alert, actor: str, cause: str, now_ms: int) -> Step | None:
    """Make a resolved alert history; None where it is not resolved."""
    if alert.state is not _S.RESOLVED:
        return None
    return _turn(replace(alert, again_ms=None), _S.CLOSED, actor, cause, now_ms)


def _begin(seen: Seen, timing: Timing, now_ms: int, make_id: Callable[[], str]) -> Step:
    alert = Alert(
        make_id(),
        seen.source,
        seen.fingerprint,
        seen.rule,
        seen.severity,
        seen.labels,
        seen.annotations,
        starts_ms=now_ms,
        held_ms=now_ms,
        changed_ms=now_ms,
        value=seen.value,
        shape=seen.shape,
    )
    if timing.for_seconds > 0:
        return Step(alert, (_transition(None, alert, _actor(alert), "its condition holds"),))
    fired = replace(alert, state=_S.FIRING, fired_ms=now_ms, comes=(now_ms,))
    return Step(fired, (_transition(None, fired, _actor(alert), "its condition holds"),))


def _pending(known: Alert, seen: Seen, timing: Timing, now_ms: int) -> Step:
    if not seen.is_firing:
        return Step(known, is_dropped=True)
    known = _with(replace(known, starts_ms=_begun(known.starts_ms, known, now_ms)), seen, now_ms)
    if _since(known.starts_ms, now_ms) < timing.for_seconds:
        return Step(known)
    fired = replace(known, fired_ms=now_ms, comes=(now_ms,))
    return _turn(fired, _S.FIRING, _actor(known), f"its condition held for {timing.for_seconds:g} s", now_ms)


def _active(known: Alert, seen: Seen, timing: Timing, now_ms: int) -> Step:
    if not seen.is_calm:
        return Step(_with(known, seen, now_ms))
    known = replace(
        known,
        held_ms=min(known.held_ms, now_ms),
        value=seen.value if seen.value is not None else known.value,
        shape=seen.shape,
    )
    if _since(known.held_ms, now_ms) < timing.keep_firing_seconds:
        return Step(known)
    cause = "its condition does not hold any more"
    return _turn(replace(known, ended_ms=now_ms), _S.RESOLVED, _actor(known), cause, now_ms)


def _resolved(known: Alert, seen: Seen, timing: Timing, now_ms: int, make_id: Callable[[], str]) -> tuple[Step, ...]:
    ended_ms = min(now_ms if known.ended_ms is None else known.ended_ms, now_ms)
    is_set_back, known = ended_ms != known.ended_ms, replace(known, ended_ms=ended_ms)
    is_over = _since(ended_ms, now_ms) >= timing.reopen_seconds
    if is_over and (known.again_ms is None or not seen.is_firing):
        cause = f"it stayed resolved for {timing.reopen_seconds:g} s"
        begun = (_begin(seen, timing, now_ms, make_id),) if seen.is_firing else ()
        return (_turn(replace(known, again_ms=None), _S.CLOSED, _actor(known), cause, now_ms), *begun)
    if not seen.is_firing:
        return () if known.again_ms is None and not is_set_back else (Step(replace(known, again_ms=None)),)
    # What began to hold again within the time takes ``for``, as at first, to be sure of it.
    again_ms = now_ms if known.again_ms is None else _begun(known.again_ms, known, now_ms)
    if _since(again_ms, now_ms) < timing.for_seconds:
        return (Step(replace(known, again_ms=again_ms, held_ms=now_ms)),)
    comes = (*known.comes, now_ms)[-_COMES_KEPT:]
    opened = replace(_with(known, seen, now_ms), again_ms=None, ended_ms=None, fired_ms=now_ms, comes=comes, owner="")
    return (_turn(opened, _S.REOPENED, _actor(known), "its condition holds again", now_ms),)


def _with(known: Alert, seen: Seen, now_ms: int) -> Alert:
    return replace(
        known,
        severity=seen.severity,
        labels=seen.labels,
        annotations=seen.annotations,
        value=seen.value,
        held_ms=now_ms,
        shape=seen.shape,
    )


def _gone(known: Alert) -> Seen:
    return Seen(
        known.source, known.fingerprint, known.rule, known.severity, known.labels, known.annotations, None,
        is_firing=False, is_calm=True, shape=known.shape,
    )  # fmt: skip


def _turn(alert: Alert, state: AlertState, actor: str, cause: str, now_ms: int) -> Step:
    ended_by = actor if state is _S.RESOLVED else alert.ended_by if state is _S.CLOSED else ""
    after = replace(alert, state=state, changed_ms=now_ms, ended_by=ended_by)
    return Step(after, (_transition(alert.state, after, actor, cause),))


def _transition(before: AlertState | None, after: Alert, actor: str, cause: str) -> Transition:
    attributes = {} if after.value is None else {"value": f"{after.value:g}"}
    return Transition(after.changed_ms, before, after.state, actor, cause, attributes)


def _actor(alert: Alert) -> str:
    return f"rule {alert.rule}" if alert.rule else alert.source


def _begun(since_ms: int, known: Alert, now_ms: int) -> int:
    """Return since when it holds, by the clock as it is now: one that was set back since the last look takes nothing of the time before."""
    return min(since_ms - max(0, known.held_ms - now_ms), now_ms)


def _since(moment_ms: int, now_ms: int) -> float:
    return (now_ms - moment_ms) / 1000
