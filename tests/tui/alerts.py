"""Alerts, silences and rules of a seeded fleet, as a server tells of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from nagare.errors import ConflictError, NagareError, NotFoundError
from nagare.lib.rfc3339 import format_ms
from nagare.model.alert.alert import ACTIVE
from nagare.model.alert.matcher import all_match, parse_matchers
from nagare.wire.alerts import (
    AlertDetail,
    AlertView,
    RuleList,
    RuleView,
    SilenceRequest,
    SilenceView,
    TurnView,
    WhyStep,
    WhyView,
)
from tests.tui.jobs import MADE_MS


def alert_of(name: str, host: str, severity: int = 2, state: str = "firing", **more: Any) -> AlertView:
    """Return an alert that fired so many ``seconds`` ago, after it was pending for a minute."""
    fired_ms = MADE_MS - more.pop("seconds", 300) * 1000
    labels = {"alertname": name, "host": host, **more.pop("labels", {})}
    ended = format_ms(MADE_MS - 60_000) if state in ("resolved", "closed") else ""
    values: dict[str, Any] = {
        "id": f"{name}-{host}".lower(), "name": name, "source": "nagare", "rule": name, "state": state, "severity": severity,
        "labels": labels, "annotations": {"summary": f"{name} on {host}", "guide": f"nagare rules guide {name}"}, "value": 0.98,
        "starts_at": format_ms(fired_ms - 60_000), "fired_at": format_ms(fired_ms), "ended_at": ended,
        "changed_at": ended or format_ms(fired_ms), "owner": "",
    }  # fmt: skip
    return AlertView(**{**values, **more})


def silence_of(name: str, *matchers: str, state: str = "open", **more: Any) -> SilenceView:
    """Return a silence that was made a minute ago and ends in an hour."""
    values: dict[str, Any] = {
        "id": name, "matchers": list(matchers), "reason": "moving racks", "owner": "ada", "state": state,
        "made_at": format_ms(MADE_MS - 60_000), "starts_at": format_ms(MADE_MS - 60_000),
        "until_at": format_ms(MADE_MS + 3_600_000), "matched_at": "", "idle_seconds": None,
    }  # fmt: skip
    return SilenceView(**{**values, **more})


def rule_of(name: str, severity: int = 2, health: str = "ok", **more: Any) -> RuleView:
    """Return a rule that was judged ten seconds ago."""
    values: dict[str, Any] = {
        "name": name, "group": "disk", "sql": "SELECT host, max(used_ratio) AS value FROM disk GROUP BY host", "severity": severity,
        "window_seconds": 300.0, "every_seconds": 15.0, "for_seconds": 60.0, "keep_firing_seconds": 0.0, "reopen_seconds": 600.0,
        "fires": "> 0.9", "resolves": "", "no_data": "keep", "labels": {"team": "storage"}, "annotations": {}, "text": "a disk fills",
        "guide": f"nagare rules guide {name}", "origin": "shipped", "health": health, "fault": "",
        "judged_at": format_ms(MADE_MS - 10_000), "delay_seconds": 0.2, "took_seconds": 0.004, "rows": 3, "pending": 0, "firing": 0,
    }  # fmt: skip
    return RuleView(**{**values, **more})


@dataclass
class FleetAlerts:
    """The far end's answers about alerts, silences and rules."""

    held: dict[str, AlertView] = field(default_factory=dict)
    quiet: dict[str, SilenceView] = field(default_factory=dict)
    known: dict[str, RuleView] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: list[SilenceRequest] = field(default_factory=list)
    fails: NagareError | None = None
    refuses: NagareError | None = None
    rule_fault: str = ""
    incidents: dict[str, list[str]] = field(default_factory=dict)

    def put(self, *alerts: AlertView) -> None:
        """Hold ``alerts``."""
        self.held.update({alert.id: alert for alert in alerts})

    def put_silences(self, *silences: SilenceView) -> None:
        """Hold ``silences``."""
        self.quiet.update({silence.id: silence for silence in silences})

    def put_rules(self, *rules: RuleView) -> None:
        """Hold ``rules``."""
        self.known.update({rule.name: rule for rule in rules})

    def _check(self, what: str) -> None:
        self.asked.append(what)
        if self.fails is not None:
            raise self.fails

    async def alerts(self, limit: int = 100, **wanted: str) -> list[AlertView]:
        """Return those of the states, what changed last first."""
        self._check(f"alerts {wanted.get('state', '')}")
        states = set(wanted.get("state", "").split(","))
        states |= {one.state for one in self.held.values()} if not wanted.get("state") else set()
        states |= {state.value for state in ACTIVE} if "active" in states else set()
        since = format_ms(int(wanted.get("since_ms", "0")))
        found = [one for one in self.held.values() if one.state in states and one.changed_at >= since]
        return sorted(found, key=lambda one: one.changed_at, reverse=True)[:limit]

    async def alert(self, alert_id: str) -> AlertDetail:
        """Return one with two turns and a comment."""
        self._check(f"alert {alert_id}")
        alert = self._found(alert_id)
        turns = [
            TurnView(alert.starts_at, "", "pending", "", "its condition holds"),
            TurnView(alert.fired_at, "pending", "firing", "", "it held for 1m"),
            TurnView(alert.fired_at, "firing", "firing", "ada", "looking"),
        ]
        return AlertDetail(alert, turns, self.incidents.get(alert_id, []))

    async def why(self, alert_id: str) -> WhyView:
        """Return two steps, the second of which stops a silenced one."""
        self._check(f"why {alert_id}")
        alert = self._found(alert_id)
        is_told = not alert.silenced_by
        silence = WhyStep(
            "silence", is_told, "no silence matches" if is_told else f"silenced by {alert.silenced_by[0]}"
        )
        return WhyView(alert, is_told, [WhyStep("condition", passes=True, text="> 0.9"), silence])

    async def acknowledge(self, alert_id: str, text: str = "") -> AlertView:
        """Take it in hand."""
        return self._move("ack", alert_id, text, state="acknowledged", owner="bob")

    async def unacknowledge(self, alert_id: str, text: str = "") -> AlertView:
        """Give it back."""
        return self._move("unack", alert_id, text, state="firing", owner="")

    async def resolve(self, alert_id: str, text: str = "") -> AlertView:
        """End it."""
        now = format_ms(MADE_MS)
        return self._move("resolve", alert_id, text, state="resolved", ended_at=now, changed_at=now)

    async def comment(self, alert_id: str, text: str) -> AlertView:
        """Note something."""
        return self._move("comment", alert_id, text)

    def _move(self, deed: str, alert_id: str, text: str, **changes: Any) -> AlertView:
        self._check(f"{deed} {alert_id} {text}".strip())
        if self.refuses is not None:
            raise self.refuses
        moved = msgspec.structs.replace(self._found(alert_id), **changes)
        self.put(moved)
        return moved

    def _found(self, alert_id: str) -> AlertView:
        if alert_id not in self.held:
            raise NotFoundError("cannot find alert: there is no such one")
        return self.held[alert_id]

    async def silences(self) -> list[SilenceView]:
        """Return all."""
        self._check("silences")
        return list(self.quiet.values())

    async def add(self, request: SilenceRequest) -> SilenceView:
        """Make one, and have it hold."""
        self._check("add")
        if self.refuses is not None:
            raise self.refuses
        self.requests.append(request)
        silence = silence_of(f"s{len(self.requests)}", *request.matchers, reason=request.reason, owner="bob")
        self.put_silences(silence)
        wanted = parse_matchers(request.matchers)
        meant = [alert for alert in self.held.values() if all_match(wanted, alert.labels)]
        self.put(*(msgspec.structs.replace(alert, silenced_by=[silence.id]) for alert in meant))
        return silence

    async def end(self, silence_id: str) -> SilenceView:
        """End one."""
        self._check(f"end {silence_id}")
        if self.quiet[silence_id].state == "over":
            raise ConflictError("cannot end silence: it is over")
        ended = msgspec.structs.replace(self.quiet[silence_id], state="over", ended_by="bob")
        self.put_silences(ended)
        return ended

    async def rules(self) -> RuleList:
        """Return all."""
        self._check("rules")
        return RuleList(list(self.known.values()), self.rule_fault)

    async def rule(self, name: str) -> RuleView:
        """Return one."""
        self._check(f"rule {name}")
        if name not in self.known:
            raise NotFoundError("cannot find rule: there is no such one")
        return self.known[name]

    async def remove(self, name: str, revision: int | None = None) -> None:
        """Delete one."""
        self._check(f"remove {name} {revision}")
        del self.known[name]
