"""ntfy; facts from binwiederhier/ntfy docs/publish.md and server/errors.go."""

import json
from typing import Any

import pytest

from nagare.interop.outgoing.ntfy import NtfyCodec
from nagare.model.notify.exchange import HttpReply
from nagare.model.notify.incident import Reason
from nagare.model.notify.notice import Notice
from nagare.model.notify.receiver import ChannelKind
from nagare.model.notify.sending import NotSent, Sent
from tests.support.outgoing_notices import ACK_URL, INCIDENT, channel, delivery, line, notice, over, trial

CODEC = NtfyCodec()
ONE = channel(ChannelKind.NTFY, topic="alerts", url="https://ntfy.example/")


def _sent(told: Notice, ack_url: str = ACK_URL) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CODEC.ask(ONE, "", delivery(told, ChannelKind.NTFY), "", ack_url).body)
    return found


def test_a_notice_goes_to_the_root_with_a_button() -> None:
    asked = CODEC.ask(ONE, "tk_abc", delivery(notice()), "", ACK_URL)
    assert asked.url == "https://ntfy.example/"
    assert asked.headers == {"Content-Type": "application/json", "Authorization": "Bearer tk_abc"}
    assert json.loads(asked.body) == {
        "topic": "alerts",
        "title": "[FIRING:1] DiskFull on web1 (critical)",
        "message": "web1: / is 93 % full (value 93.2, since 2025-10-09 08:53 UTC)",
        "priority": 5,
        "tags": ["rotating_light", "critical"],
        "sequence_id": INCIDENT,
        "click": ACK_URL,
        "actions": [{"action": "view", "label": "Acknowledge", "url": ACK_URL, "clear": True}],
    }


def test_the_end_stands_in_the_place_of_the_first() -> None:
    sent = _sent(over())
    assert (sent["sequence_id"], sent["title"]) == (INCIDENT, "[RESOLVED] DiskFull on web1")
    assert (sent["priority"], sent["tags"]) == (3, ["white_check_mark"])
    assert "actions" not in sent
    assert "click" not in sent


def test_what_others_wrote_is_no_link() -> None:
    """Nothing is read as Markdown."""
    told = notice(line("web1", summary="[a](https://e.example)"))
    one = channel(ChannelKind.NTFY, topic="alerts")
    sent = json.loads(CODEC.ask(one, "", delivery(told), "", ACK_URL).body)
    assert "markdown" not in sent
    assert (sent["click"], [action["url"] for action in sent["actions"]]) == (ACK_URL, [ACK_URL])


@pytest.mark.parametrize("reason", [Reason.NEW, Reason.REPEAT, Reason.ESCALATED])
def test_what_has_to_be_heard_is_a_message_of_its_own(reason: Reason) -> None:
    assert "sequence_id" not in _sent(notice(reason=reason))
    assert "sequence_id" in _sent(notice(reason=Reason.RESOLVED))


@pytest.mark.parametrize(("severity", "priority"), [(0, 2), (1, 3), (2, 4), (3, 5)])
def test_the_worse_the_louder(severity: int, priority: int) -> None:
    assert _sent(notice(severity=severity))["priority"] == priority


def test_a_test_is_no_end() -> None:
    assert _sent(trial(), "")["tags"] == ["information_source", "info"]


def test_a_message_of_quotes_alone_stays_below_the_limit_of_the_document() -> None:
    many = notice(*(line(f"web{number}", summary='"\\' * 200) for number in range(50)))
    body = CODEC.ask(ONE, "", delivery(many), "", ACK_URL).body
    assert len(body) < 8192
    assert len(json.loads(body)["message"].encode()) <= 4096


def test_a_user_with_a_password_is_shown_as_such() -> None:
    asked = CODEC.ask(channel(ChannelKind.NTFY, topic="a"), "phil:p:w", delivery(notice()), "", "")
    assert (asked.url, asked.headers["Authorization"]) == ("https://ntfy.sh/", "Basic cGhpbDpwOnc=")


def test_an_odd_incident_has_a_lawful_sequence() -> None:
    assert len(_sent(notice(incident="../x"))["sequence_id"]) == 64


def test_answers() -> None:
    assert CODEC.read(HttpReply(200, {}, b'{"id":"sPs71M8A2T","event":"message"}', 0), "") == Sent("sPs71M8A2T")
    assert CODEC.read(HttpReply(200, {}, b'{"id":"second"}', 0), "first") == Sent("first")
    limited = CODEC.read(
        HttpReply(429, {}, b'{"code":42901,"http":429,"error":"limit reached: too many requests"}', 0), ""
    )
    assert limited == NotSent(
        "it answered with status 429 (Too Many Requests): limit reached: too many requests", is_final=False
    )
    assert CODEC.read(HttpReply(403, {}, b'{"code":40301,"http":403,"error":"forbidden"}', 0), "") == NotSent(
        "it answered with status 403 (Forbidden): forbidden", is_final=True
    )
    portal = CODEC.read(HttpReply(200, {}, b"<html>sign in to the wireless network", 0), "")
    assert isinstance(portal, NotSent)
    assert not portal.is_final
