"""Alertmanager's webhook as we send it; facts from prometheus/alertmanager docs/configuration.md and template/template.go."""

import json
from dataclasses import replace
from typing import Any

import pytest

from nagare.interop.alertmanager import read_webhook
from nagare.interop.outgoing.webhook import WebhookCodec
from nagare.model.event import Severity
from nagare.model.notify.exchange import HttpReply
from nagare.model.notify.incident import Reason
from nagare.model.notify.notice import Notice
from nagare.model.notify.receiver import ChannelKind
from nagare.model.notify.sending import NotSent, Sent
from tests.support.outgoing_notices import ACK_URL, INCIDENT, START_MS, channel, delivery, line, notice, over, trial

CODEC = WebhookCodec()
URL = "https://hooks.example/in/SECRET"


def _sent(told: Notice, ack_url: str = "") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CODEC.ask(channel(ChannelKind.WEBHOOK), URL, delivery(told), "", ack_url).body)
    return found


def test_a_notice_is_version_four_with_our_own_beside() -> None:
    asked = CODEC.ask(channel(ChannelKind.WEBHOOK), URL, delivery(notice()), "", ACK_URL)
    assert (asked.url, asked.headers) == (
        URL,
        {"Content-Type": "application/json", "Idempotency-Key": f"{INCIDENT}.1.0123456789ab"},
    )
    labels = {"alertname": "DiskFull", "device": "/dev/sda1", "host": "web1", "severity": "critical"}
    annotations = {"summary": "/ is 93 % full", "runbook": "https://r.example/disk"}
    assert json.loads(asked.body) == {
        "version": "4",
        "groupKey": '{}/{team="db"}:{alertname="DiskFull"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ops",
        "groupLabels": {"alertname": "DiskFull"},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "",
        "notification_reason": "first notification",
        "alerts": [
            {
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": "2025-10-09T08:53:20.000Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": "a1b2c3d4e5f60718",
                "id": "alert-web1",
                "state": "firing",
                "owner": "",
                "value": 93.2,
            }
        ],
        "incident": INCIDENT,
        "idempotencyKey": f"{INCIDENT}.1.0123456789ab",
        "ackURL": ACK_URL,
    }


def test_a_group_may_hold_both_and_counts_what_it_does_not_name() -> None:
    mixed = notice(
        line("web1"), line("web2"), firing_count=12, resolved=(line("web3", ended_ms=START_MS + 1),), resolved_count=1
    )
    sent = _sent(mixed)
    assert [alert["status"] for alert in sent["alerts"]] == ["firing", "firing", "resolved"]
    assert (sent["status"], sent["truncatedAlerts"]) == ("firing", 10)
    assert sent["commonLabels"] == {"alertname": "DiskFull", "device": "/dev/sda1", "severity": "critical"}
    assert _sent(over())["status"] == "resolved"


def test_a_test_resolves_nothing() -> None:
    assert (_sent(trial())["status"], _sent(trial())["alerts"]) == ("firing", [])


def test_another_nagare_reads_it_without_loss() -> None:
    firing = line("web1", severity=2, labels={"alertname": "DiskFull", "host": "web1", "disk": "a\x1b[31m"})
    told = notice(
        firing, line("web2", severity=3), resolved=(line("web3", ended_ms=START_MS + 61_000),), resolved_count=1
    )
    first, second, third = read_webhook(CODEC.ask(channel(ChannelKind.WEBHOOK), URL, delivery(told), "", "").body)
    assert (first.source, first.fingerprint) == ("alertmanager", firing.fingerprint)
    assert (first.is_firing, first.starts_ms, first.ends_ms, first.severity) == (True, START_MS, None, Severity.HIGH)
    assert first.labels == {"alertname": "DiskFull", "host": "web1", "disk": "a␛[31m", "severity": "high"}
    assert first.annotations == {"summary": "/ is 93 % full", "runbook": "https://r.example/disk"}
    assert second.severity is Severity.CRITICAL
    assert (third.is_firing, third.ends_ms) == (False, START_MS + 61_000)


def test_what_an_alert_says_of_itself_is_not_overwritten() -> None:
    told = notice(
        line("web1", labels={"severity": "page", "host": "db9", "alertname": "Other"}, annotations={"summary": "own"})
    )
    alert = _sent(told)["alerts"][0]
    assert alert["labels"] == {"severity": "page", "host": "db9", "alertname": "Other"}
    assert alert["annotations"] == {"summary": "own"}


def test_numbers_that_json_has_not_are_none() -> None:
    assert _sent(notice(line(value=float("nan"))))["alerts"][0]["value"] is None
    assert _sent(notice(line(starts_ms=-5)))["alerts"][0]["startsAt"] == "1970-01-01T00:00:00.000Z"


def test_the_secret_is_a_token_where_the_address_is_none() -> None:
    one = channel(ChannelKind.WEBHOOK, url="https://nagare.example:8750/api/v1/webhooks/alertmanager")
    asked = CODEC.ask(one, "key", delivery(notice()), "", "")
    assert asked.url == one.options["url"]
    assert asked.headers["Authorization"] == "Bearer key"
    assert "Authorization" not in CODEC.ask(one, "", delivery(notice()), "", "").headers


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_told_in_its_words(reason: Reason) -> None:
    assert _sent(replace(notice(), reason=reason))["notification_reason"] == reason.value


def test_any_success_is_one_and_nothing_of_a_body_is_repeated() -> None:
    assert CODEC.read(HttpReply(204, {}, b"", 0), "") == Sent()
    refused = CODEC.read(HttpReply(404, {}, b"no such hook /in/SECRET", 0), "")
    assert refused == NotSent("it answered with status 404 (Not Found)", is_final=True)
