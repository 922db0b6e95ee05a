"""Alerts as they stood at a moment: from what they are now, from the events that tell of their turns, and from silences. Pure.

What held them back beside silences, an inhibition or a maintenance, is not kept and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from nagare.errors import InputError
from nagare.lib.rfc3339 import format_ms
from nagare.model.alert.alert import ACTIVE, AlertState
from nagare.model.alert.matcher import all_match, parse_matchers
from nagare.tui.jobs.rows import moment_ms
from nagare.wire.alerts import AlertView, SilenceView
from nagare.wire.events import EventView
from nagare.wire.replaced import replaced

# Kind of an event -> the state that it tells of.
_TURNS: Mapping[str, AlertState] = MappingProxyType(
    {
        f"alert.{state.value}": state
        for state in (AlertState.FIRING, AlertState.REOPENED, AlertState.ACKNOWLEDGED, AlertState.RESOLVED)
    }
)
TURN_KINDS = tuple(_TURNS)


def alerts_at(
    at_ms: int, alerts: Iterable[AlertView], turns: Iterable[EventView], silences: Iterable[SilenceView] = ()
) -> list[AlertView]:
    """Return the alerts that were active at ``at_ms``. ``turns`` are events of alerts, in any order."""
    by_alert: dict[str, list[EventView]] = {}
    for turn in sorted(turns, key=lambda turn: turn.ts):
        if turn.ts <= at_ms and turn.kind in _TURNS:
            by_alert.setdefault(turn.attributes.get("alert", ""), []).append(turn)
    quiet = [silence for silence in silences if _held_at(silence, at_ms)]
    found = [_alert_at(at_ms, alert, by_alert.get(alert.id, ()), quiet) for alert in alerts]
    return [alert for alert in found if alert is not None]


def _alert_at(
    at_ms: int, alert: AlertView, turns: Sequence[EventView], quiet: Sequence[SilenceView]
) -> AlertView | None:
    """Return the alert as it was, None when it was not active."""
    if (moment_ms(alert.starts_at) or 0) > at_ms:
        return None
    state, fired_ms = _state_at(at_ms, alert, turns)
    if state not in ACTIVE or state is AlertState.PENDING:
        return None
    is_acked = state is AlertState.ACKNOWLEDGED
    owner = (turns[-1].attributes.get("actor", "") if turns else alert.owner) if is_acked else ""
    return replaced(
        alert,
        state=state.value,
        owner=owner,
        fired_at=alert.fired_at if fired_ms is None else format_ms(fired_ms),
        ended_at="",
        silenced_by=[silence.id for silence in quiet if _matches(silence, alert)],
        inhibited_by=[],
        maintenance="",
        is_stale=False,
    )


def _state_at(at_ms: int, alert: AlertView, turns: Sequence[EventView]) -> tuple[AlertState | None, int | None]:
    """Return the state at the moment and when it fired last before it; by its own times where no event tells."""
    if turns:
        return _TURNS[turns[-1].kind], _fired_ms(turns)
    changed, fired_ms, ended = (moment_ms(text) for text in (alert.changed_at, alert.fired_at, alert.ended_at))
    if fired_ms is None or fired_ms > at_ms or (ended is not None and fired_ms <= ended <= at_ms):
        return None, None
    if changed is not None and changed <= at_ms:
        return AlertState(alert.state), fired_ms
    return AlertState.FIRING, fired_ms


def _fired_ms(turns: Sequence[EventView]) -> int | None:
    """Return when it fired last; one that is only given back fires on."""
    fired, before = None, None
    for turn in turns:
        state = _TURNS[turn.kind]
        if state in (AlertState.FIRING, AlertState.REOPENED) and before is not AlertState.ACKNOWLEDGED:
            fired = turn.ts
        before = state
    return fired


def _held_at(silence: SilenceView, at_ms: int) -> bool:
    return (moment_ms(silence.starts_at) or 0) <= at_ms < (moment_ms(silence.until_at) or 0)


def _matches(silence: SilenceView, alert: AlertView) -> bool:
    try:
        return all_match(parse_matchers(silence.matchers), alert.labels)
    except InputError:
        return False  # of a newer server
