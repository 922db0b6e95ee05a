"""PagerDuty; facts from PagerDuty/developer-docs docs/events-API-v2 (01-Overview, 02-Trigger-Events)."""

import json
from typing import Any

import pytest

from nagare.interop.outgoing.pagerduty import PagerDutyCodec
from nagare.model.notify.exchange import HttpReply
from nagare.model.notify.notice import Notice
from nagare.model.notify.receiver import ChannelKind
from nagare.model.notify.sending import NotSent, Sent
from tests.support.outgoing_notices import ACK_URL, INCIDENT, channel, delivery, line, notice, over, trial

CODEC = PagerDutyCodec()
KEY = "0123456789abcdef0123456789abcdef"


def _event(told: Notice, ref: str = "", ack_url: str = ACK_URL) -> dict[str, Any]:
    asked = CODEC.ask(channel(ChannelKind.PAGERDUTY), KEY, delivery(told), ref, ack_url)
    assert asked.url == "https://events.pagerduty.com/v2/enqueue"
    found: dict[str, Any] = json.loads(asked.body)
    assert found["routing_key"] == KEY
    return found


def test_a_notice_triggers() -> None:
    assert _event(notice()) == {
        "routing_key": KEY,
        "dedup_key": INCIDENT,
        "event_action": "trigger",
        "client": "Nagare",
        "payload": {
            "summary": "[FIRING:1] DiskFull on web1 (critical)",
            "source": "web1",
            "severity": "critical",
            "timestamp": "2025-10-09T08:53:20.000Z",
            "class": "DiskFull",
            "custom_details": {
                "alerts": "web1: / is 93 % full (value 93.2, since 2025-10-09 08:53 UTC)",
                "reason": "first notification",
                "incident": INCIDENT,
            },
        },
        "links": [{"href": ACK_URL, "text": "Acknowledge in Nagare"}],
    }


def test_what_everybody_has_in_hand_is_acknowledged_where_it_is_known() -> None:
    owned = notice(line("web1", owner="ann"), line("web2", owner="bob"))
    assert _event(owned, INCIDENT) == {"routing_key": KEY, "dedup_key": INCIDENT, "event_action": "acknowledge"}
    assert _event(owned)["event_action"] == "trigger"
    assert _event(notice(line("web1", owner="ann"), line("web2")), INCIDENT)["event_action"] == "trigger"
    assert _event(notice(line(owner="ann"), firing_count=60), INCIDENT)["event_action"] == "trigger"


def test_the_end_resolves() -> None:
    assert _event(over(), INCIDENT) == {"routing_key": KEY, "dedup_key": INCIDENT, "event_action": "resolve"}


def test_a_test_is_seen() -> None:
    event = _event(trial(), "", "")
    assert (event["event_action"], event["payload"]["severity"], event["payload"]["source"]) == (
        "trigger",
        "info",
        "nagare",
    )
    assert "links" not in event


@pytest.mark.parametrize(("severity", "word"), [(0, "info"), (1, "warning"), (2, "error"), (3, "critical")])
def test_severities_have_their_words(severity: int, word: str) -> None:
    assert _event(notice(severity=severity))["payload"]["severity"] == word


def test_an_installation_in_europe_has_another_server() -> None:
    one = channel(ChannelKind.PAGERDUTY, url="https://events.eu.pagerduty.com")
    assert CODEC.ask(one, KEY, delivery(notice()), "", "").url == "https://events.eu.pagerduty.com/v2/enqueue"


def test_a_long_incident_has_a_lawful_key() -> None:
    assert len(_event(notice(incident="x" * 300))["dedup_key"]) == 64


@pytest.mark.parametrize(
    ("status", "body", "means"),
    [
        (202, b'{"status":"success","message":"Event processed","dedup_key":"k"}', Sent("k")),
        (
            400, b'{"status":"invalid event","message":"Event object is invalid","errors":["\'routing_key\' is missing or blank"]}',
            NotSent(
                "it answered with status 400 (Bad Request): Event object is invalid; 'routing_key' is missing or blank", is_final=True
            ),
        ),
        (429, b'{"status":"throttle exceeded","message":"Requests for this service are arriving too quickly."}',
         NotSent("it answered with status 429 (Too Many Requests): Requests for this service are arriving too quickly.")),
        (500, b"", NotSent("it answered with status 500 (Internal Server Error)")),
        (202, b"<html>", NotSent("it answered with status 202, but not as such a server does")),
    ],
)  # fmt: skip
def test_answers(status: int, body: bytes, means: Sent | NotSent) -> None:
    assert CODEC.read(HttpReply(status, {}, body, 0), "") == means
