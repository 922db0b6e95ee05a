"""What becomes of an alert by the word of a foreign sender: told twice, late, out of order, or never of its end. Pure.

A sender says again what it said before, from two servers at once that began some seconds apart, and a word may overtake another. So
while a thing is believed to fire every firing word is of that one time; an end counts when it lies behind the latest start that was
told, and after it only a later start is another time. No moment of a sender lies ahead of our own clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.lifecycle import Step
from nagare.model.alert.alert import Alert, AlertState, Transition
from nagare.model.alert.foreign import Told

_S = AlertState
# A time that begins so soon after the last one ended is the same trouble, come back.
REOPEN_MS = 600_000
_COMES_KEPT = 8
# Who did not listen heard nothing: a word ends by silence only after so long, and after as long as the word itself was to hold.
_LISTENED_MS = 300_000


def hear(
    known: Alert | None, told: Told, now_ms: int, believed_ms: int, make_id: Callable[[], str]
) -> tuple[Step, ...]:
    """Return what becomes of ``known`` (the open alert of the thing, if there is one), and of one that begins.

    ``believed_ms``: until when a word that names no end holds, and any other at the most.
    """
    told = _bounded(told, now_ms, believed_ms)
    until_ms = None if told.is_one_time or told.is_said_once else believed_ms
    if known is None or known.state is _S.CLOSED:
        if told.is_firing:
            return (_begin(told, now_ms, until_ms, make_id),)
        return (_ended(told, now_ms, make_id),) if _is_news(told, now_ms) else ()
    if known.state is _S.RESOLVED:
        return _after_end(known, told, now_ms, until_ms, make_id)
    if told.is_firing:
        return _still(known, told, now_ms, until_ms, make_id)
    ended_ms = told.ends_ms or now_ms
    last_ms = _last(known, now_ms)
    if told.starts_ms is not None and told.starts_ms < last_ms and ended_ms <= last_ms:
        # A word about an earlier time, overtaken on its way.
        return ()
    ended = replace(_since(known, told, now_ms), ended_ms=ended_ms)
    return (
        _turn(_with(ended, told, now_ms, None), _S.RESOLVED, _who(told), "its sender says that it is over", now_ms),
    )


def age(known: Alert, now_ms: int, believed_ms: int, listened_ms: int) -> tuple[Step, ...]:
    """Return what becomes of an alert of which nobody said anything for too long, and of one that was resolved long ago.

    ``believed_ms``: until when a word holds at the most; ``listened_ms``: for how long this server has listened by now.
    """
    if known.state is _S.RESOLVED and now_ms - min(known.ended_ms or now_ms, now_ms) >= REOPEN_MS:
        step = lifecycle.close(known, "nagare", f"it stayed resolved for {REOPEN_MS // 1000} s", now_ms)
        return () if step is None else (step,)
    if not known.is_active:
        return ()
    if known.starts_ms > now_ms or (known.believed_ms or 0) > believed_ms:
        # Our own clock was ahead when it was heard.
        until_ms = None if known.believed_ms is None else min(known.believed_ms, believed_ms)
        return (Step(replace(known, starts_ms=min(known.starts_ms, now_ms), believed_ms=until_ms)),)
    if known.believed_ms is None or known.believed_ms > now_ms:
        return ()
    if listened_ms < max(_LISTENED_MS, known.believed_ms - known.held_ms):
        return ()
    ended = replace(known, ended_ms=now_ms)
    return (_turn(ended, _S.RESOLVED, "nagare", "its sender said nothing of it for too long", now_ms),)


def _bounded(told: Told, now_ms: int, believed_ms: int) -> Told:
    """Return ``told`` without moments that lie ahead: its start and its end are now at the latest, and it holds as long as any does."""
    starts_ms, ends_ms = told.starts_ms, told.ends_ms
    if starts_ms is not None:
        starts_ms = max(0, min(starts_ms, now_ms))
    if ends_ms is not None:
        ends_ms = max(0, min(ends_ms, believed_ms if told.is_firing else now_ms))
    return replace(told, starts_ms=starts_ms, ends_ms=ends_ms)


def _is_news(told: Told, now_ms: int) -> bool:
    """Tell whether an end of a thing that nobody knows says which time ended, and that lately: its begin may still be on its way."""
    is_known = told.is_one_time or told.starts_ms is not None
    return is_known and now_ms - (told.ends_ms or now_ms) < REOPEN_MS


def _last(known: Alert, now_ms: int) -> int:
    """Return the latest start that was told of it."""
    return min(max(known.starts_ms, known.again_ms or 0), now_ms)


def _begin(told: Told, now_ms: int, believed_ms: int | None, make_id: Callable[[], str]) -> Step:
    alert = Alert(
        make_id(),
        told.source,
        told.fingerprint,
        "",
        told.severity,
        {"severity": told.severity.name.lower(), **told.labels},
        told.annotations,
        starts_ms=told.starts_ms if told.starts_ms is not None else now_ms,
        held_ms=now_ms,
        changed_ms=now_ms,
        state=_S.FIRING,
        fired_ms=now_ms,
        believed_ms=told.ends_ms or believed_ms,
        comes=(now_ms,),
    )
    turns = [Transition(now_ms, None, _S.FIRING, _who(told), "its sender says that it fires")]
    if told.is_acknowledged:
        alert = replace(alert, state=_S.ACKNOWLEDGED, owner=told.actor)
        turns.append(
            Transition(now_ms, _S.FIRING, _S.ACKNOWLEDGED, told.actor or _who(told), "acknowledged at its sender")
        )
    return Step(alert, tuple(turns))


def _ended(told: Told, now_ms: int, make_id: Callable[[], str]) -> Step:
    """Return an alert whose end came first: should the word of its begin come late, it is known to be old."""
    alert = replace(_begin(told, now_ms, now_ms, make_id).alert, fired_ms=None, comes=(), believed_ms=None)
    alert = replace(alert, state=_S.RESOLVED, owner="", ended_ms=told.ends_ms or now_ms, ended_by=_who(told))
    return Step(alert, (Transition(now_ms, None, _S.RESOLVED, _who(told), "its sender says that it is over"),))


def _since(known: Alert, told: Told, now_ms: int) -> Alert:
    """Return ``known`` with the first and the latest start that were told of it."""
    if told.starts_ms is None:
        return known
    last_ms = max(_last(known, now_ms), told.starts_ms)
    first_ms = min(known.starts_ms, told.starts_ms)
    return replace(known, starts_ms=first_ms, again_ms=last_ms if last_ms > first_ms else None)


def _still(
    known: Alert, told: Told, now_ms: int, believed_ms: int | None, make_id: Callable[[], str]
) -> tuple[Step, ...]:
    is_believed = known.believed_ms is None or known.believed_ms > now_ms
    if not is_believed and told.starts_ms is not None and told.starts_ms > _last(known, now_ms):
        # The word of its end never came.
        over = _turn(
            replace(known, ended_ms=now_ms), _S.RESOLVED, _who(told), "its sender tells of a later time", now_ms
        )
        closed = _turn(
            replace(over.alert, revision=known.revision), _S.CLOSED, _who(told), "another time began", now_ms
        )
        return (Step(closed.alert, (*over.turns, *closed.turns)), _begin(told, now_ms, believed_ms, make_id))
    after = _with(_since(known, told, now_ms), told, now_ms, told.ends_ms or believed_ms)
    step = _people(after, told, now_ms)
    if step is not None:
        return (step,)
    if told.comment:
        note = Transition(now_ms, after.state, after.state, told.actor or _who(told), told.comment)
        return (Step(after, (note,)),)
    return (Step(after),)


def _people(known: Alert, told: Told, now_ms: int) -> Step | None:
    """Return what people did to it at its sender."""
    actor, cause = told.actor or _who(told), told.comment or "at its sender"
    if told.is_acknowledged is True:
        return lifecycle.acknowledge(known, actor, cause, now_ms)
    if told.is_acknowledged is False and known.owner == actor:
        return lifecycle.unacknowledge(known, actor, cause, now_ms)
    return None


def _after_end(
    known: Alert, told: Told, now_ms: int, believed_ms: int | None, make_id: Callable[[], str]
) -> tuple[Step, ...]:
    is_newer = told.starts_ms is not None and told.starts_ms > _last(known, now_ms)
    if not told.is_firing:
        return (Step(_since(known, told, now_ms)),) if is_newer else ()
    if known.ended_by == _who(told) and not is_newer and (told.is_one_time or told.starts_ms is not None):
        # The same time, of which the sender itself told the end: a repeat that came late.
        return ()
    if now_ms - min(known.ended_ms or now_ms, now_ms) >= REOPEN_MS:
        closed = lifecycle.close(known, _who(told), "another time began", now_ms)
        assert closed is not None
        return (closed, _begin(told, now_ms, believed_ms, make_id))
    again = replace(
        _with(known, told, now_ms, told.ends_ms or believed_ms),
        starts_ms=known.starts_ms if told.starts_ms is None else told.starts_ms,
        again_ms=None,
        fired_ms=now_ms,
        ended_ms=None,
        owner="",
        comes=(*known.comes, now_ms)[-_COMES_KEPT:],
    )
    return (_turn(again, _S.REOPENED, _who(told), "its sender says that it fires again", now_ms),)


def _with(known: Alert, told: Told, now_ms: int, believed_ms: int | None) -> Alert:
    return replace(
        known,
        severity=told.severity,
        labels={"severity": told.severity.name.lower(), **told.labels},
        annotations=told.annotations or known.annotations,
        held_ms=now_ms,
        believed_ms=believed_ms,
        is_stale=False,
    )


def _turn(alert: Alert, state: AlertState, actor: str, cause: str, now_ms: int) -> Step:
    ended_by = actor if state is _S.RESOLVED else alert.ended_by if state is _S.CLOSED else ""
    after = replace(alert, state=state, changed_ms=now_ms, ended_by=ended_by)
    return Step(after, (Transition(now_ms, alert.state, state, actor, cause),))


def _who(told: Told) -> str:
    return told.source
