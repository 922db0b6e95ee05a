"""Incidents, notifications, routes and heartbeats of a seeded fleet, as a server tells of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from nagare.errors import ConflictError, NagareError, NotFoundError
from nagare.lib.rfc3339 import format_ms
from nagare.wire.heartbeats import HeartbeatView
from nagare.wire.notify import (
    AttemptView,
    ChannelView,
    EscalationView,
    IncidentDetail,
    IncidentView,
    MuteView,
    NotificationDetail,
    NotificationLine,
    NotificationView,
    ReceiversView,
    ReceiverView,
    RotationView,
    RouteView,
    StepView,
)
from tests.tui.alerts import FleetAlerts
from tests.tui.jobs import MADE_MS

REFUSED = "cannot reach http://127.0.0.1:9: connection refused"


def incident_of(name: str, *, is_open: bool = True, is_waiting: bool = True, **more: Any) -> IncidentView:
    """Return an incident that began so many ``seconds`` ago and of which people were told twice."""
    began_ms = MADE_MS - more.pop("seconds", 600) * 1000
    values: dict[str, Any] = {
        "id": name, "route": "team=db", "labels": {"alertname": "DiskFull"}, "is_open": is_open, "began_at": format_ms(began_ms),
        "ended_at": "" if is_open else format_ms(MADE_MS - 60_000), "told_at": format_ms(began_ms + 30_000), "tells_at": "",
        "waiting_at": format_ms(began_ms + 30_000) if is_open and is_waiting else "", "step": 1, "notices": 2, "told_to": ["ops"],
        "firing": 2 if is_open else 0, "resolved": 0 if is_open else 2,
    }  # fmt: skip
    return IncidentView(**{**values, **more})


def notice_of(name: str, state: str = "sent", incident: str = "inc1", **more: Any) -> NotificationView:
    """Return a notification that was made so many ``seconds`` ago."""
    made_ms = MADE_MS - more.pop("seconds", 500) * 1000
    is_over = state in ("sent", "dead", "dropped")
    values: dict[str, Any] = {
        "id": name, "incident": incident, "number": 1, "channel": "ops/hook", "kind": "webhook", "receiver": "ops",
        "reason": "first notification", "state": state, "severity": 2, "alertnames": ["DiskFull"], "labels": {"alertname": "DiskFull"},
        "firing": 2, "resolved": 0, "made_at": format_ms(made_ms), "due_at": format_ms(MADE_MS + 40_000),
        "done_at": format_ms(made_ms + 5000) if is_over else "", "tries": 3 if state == "dead" else 1,
        "fault": REFUSED if state in ("dead", "waiting") else "",
    }  # fmt: skip
    return NotificationView(**{**values, **more})


def heartbeat_of(name: str, state: str = "ok", **more: Any) -> HeartbeatView:
    """Return a heartbeat that is owed every hour."""
    late = 4000.0 if state == "missing" else 0.0
    values: dict[str, Any] = {
        "name": name, "state": state, "severity": 2, "text": "the nightly copy", "every_seconds": 3600.0, "grace_seconds": 600.0,
        "late_seconds": late, "due_at": format_ms(MADE_MS + (-4_600_000 if late else 1_800_000)),
        "seen_at": "" if state == "waiting" else format_ms(MADE_MS - (8_200_000 if late else 1_800_000)), "is_failed": state == "failed",
        "said": "no space left on /srv" if state == "failed" else "", "took_seconds": 42.0, "sender": "backup-key",
    }  # fmt: skip
    return HeartbeatView(**{**values, **more})


def _channel(key: str, kind: str = "webhook", waiting: int = 0) -> ChannelView:
    return ChannelView(
        key, kind, {"url": "http://127.0.0.1:9/"}, 1, tells_resolved=True, per_minute=30.0, waiting=waiting
    )


def _route(path: str, receiver: str, matchers: list[str], *routes: RouteView, mutes: tuple[str, ...] = ()) -> RouteView:
    return RouteView(
        path, receiver, matchers, ["alertname"], 30.0, 300.0, 14400.0, list(mutes), goes_on=False, routes=list(routes)
    )


def receivers_of(fault: str = "") -> ReceiversView:
    """Return a tree of two routes, two people who take turns, an escalation and two mutes, one of which holds."""
    return ReceiversView(
        route=_route("", "ops", [], _route("team=db", "oncall", ["team=db"]), _route("night", "all", ["severity=info"], mutes=("nights",))),
        receivers=[
            ReceiverView("ada", "ops", [_channel("ada/phone", "ntfy")]), ReceiverView("bob", "", [_channel("bob/phone", "ntfy")]),
            ReceiverView("ops", "", [_channel("ops/hook", waiting=3), _channel("ops/mail", "apprise")]),
        ],
        rotations=[RotationView("oncall", ["ada", "bob"], "bob")],
        escalations=[EscalationView("all", [StepView(0.0, ["oncall"], ["bob"]), StepView(900.0, ["ops"], ["ops"])])],
        mutes=[MuteView("nights", holds=True), MuteView("weekends", holds=False)], fault=fault,
    )  # fmt: skip


@dataclass
class FleetNotify:
    """The far end's answers about how people are told."""

    alerts_held: FleetAlerts
    held: dict[str, NotificationView] = field(default_factory=dict)
    known: dict[str, IncidentView] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    beats: dict[str, HeartbeatView] = field(default_factory=dict)
    told: ReceiversView = field(default_factory=receivers_of)
    asked: list[str] = field(default_factory=list)
    fails: NagareError | None = None
    refuses: NagareError | None = None

    def put(self, *notices: NotificationView) -> None:
        """Hold ``notices``."""
        self.held.update({one.id: one for one in notices})

    def put_incident(self, incident: IncidentView, *alert_ids: str) -> None:
        """Hold an incident with these alerts."""
        self.known[incident.id] = incident
        self.members[incident.id] = list(alert_ids)
        for alert_id in alert_ids if incident.is_open else ():
            self.alerts_held.incidents[alert_id] = [incident.id]

    def put_heartbeats(self, *beats: HeartbeatView) -> None:
        """Hold ``beats``."""
        self.beats.update({beat.name: beat for beat in beats})

    def _check(self, what: str) -> None:
        self.asked.append(what)
        if self.fails is not None:
            raise self.fails

    async def notifications(self, limit: int = 100, **wanted: str) -> list[NotificationView]:
        """Return those of the states and the time, the newest first."""
        self._check(f"notifications {wanted.get('state', '')}".strip())
        states, since = (
            set(filter(None, wanted.get("state", "").split(","))),
            format_ms(int(wanted.get("since_ms", "0"))),
        )
        found = [one for one in self.held.values() if (not states or one.state in states) and one.made_at >= since]
        return sorted(found, key=lambda one: one.made_at, reverse=True)[:limit]

    async def notification(self, notification_id: str) -> NotificationDetail:
        """Return one with as many tries as it says, the last of which its channel took unless it has a fault."""
        self._check(f"notification {notification_id}")
        one = self._found(notification_id)
        line = NotificationLine(
            "diskfull-web-1", "DiskFull", "web-1", 3, "firing", "DiskFull on web-1", one.made_at, ""
        )
        tries = [
            AttemptView(number, one.made_at, 0.25, "" if number == one.tries and not one.fault else REFUSED)
            for number in range(1, one.tries + 1)
        ]
        return NotificationDetail(one, [line], [], tries)

    async def retry(self, notification_id: str) -> NotificationView:
        """Send one again, which arrives."""
        self._check(f"retry {notification_id}")
        return self._moved(notification_id, {"dead", "dropped"}, state="sent", fault="", tries=4)

    async def drop(self, notification_id: str) -> NotificationView:
        """Give one up."""
        self._check(f"drop {notification_id}")
        return self._moved(notification_id, {"dead", "waiting"}, state="dropped")

    def _moved(self, notification_id: str, states: set[str], **changes: Any) -> NotificationView:
        if self.refuses is not None:
            raise self.refuses
        one = self._found(notification_id)
        if one.state not in states:
            raise ConflictError(f"cannot change notification: it is {one.state}")
        moved = msgspec.structs.replace(one, **changes)
        self.put(moved)
        return moved

    def _found(self, notification_id: str) -> NotificationView:
        if notification_id not in self.held:
            raise NotFoundError("cannot find notification: there is none of that id")
        return self.held[notification_id]

    async def incidents(self, limit: int = 100, state: str = "") -> list[IncidentView]:
        """Return those that are open, or over."""
        self._check(f"incidents {state}")
        return [one for one in self.known.values() if state in ("", "open" if one.is_open else "over")][:limit]

    async def incident(self, incident_id: str) -> IncidentDetail:
        """Return one with its alerts and notifications."""
        self._check(f"incident {incident_id}")
        if incident_id not in self.known:
            raise NotFoundError(f"cannot find incident '{incident_id}': there is none of that id")
        alerts = [self.alerts_held.held[one] for one in self.members[incident_id]]
        notices = [one for one in await self.notifications() if one.incident == incident_id]
        return IncidentDetail(self.known[incident_id], alerts, notices)

    async def receivers(self) -> ReceiversView:
        """Return what the file says."""
        self._check("receivers")
        return self.told

    async def test(self, receiver: str) -> list[NotificationView]:
        """Send a test, which waits."""
        self._check(f"test {receiver}")
        made = notice_of(f"test-{receiver}", "waiting", "of-a-test", reason="test", fault="", tries=0, seconds=0)
        self.put(made)
        return [made]

    async def heartbeats(self) -> list[HeartbeatView]:
        """Return those that are waited for."""
        self._check("heartbeats")
        return list(self.beats.values())
