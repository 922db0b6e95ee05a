"""Webhooks of Alertmanager and Grafana, and what Prometheus sends instead of one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.interop.alertmanager import RESOLVE_TIMEOUT_MS, read_alerts, read_webhook
from nagare.model.event import Severity

NOW_MS = 1_760_000_000_000
START, START_MS = "2025-10-09T08:53:20+00:00", 1_760_000_000_000


def _webhook(*alerts: dict[str, Any], **more: Any) -> bytes:
    return json.dumps(
        {"version": "4", "status": "firing", "receiver": "nagare", "groupKey": "{}", "alerts": alerts, **more}
    ).encode()


def _alert(**more: Any) -> dict[str, Any]:
    return {
        "status": "firing", "labels": {"alertname": "DiskFull", "instance": "web1:9100", "severity": "page"},
        "annotations": {"summary": "full"}, "startsAt": START, "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://p/graph", "fingerprint": "a1b2", **more,
    }  # fmt: skip


def test_a_webhook_is_read_with_its_own_words() -> None:
    fired, ended = read_webhook(
        _webhook(_alert(), _alert(status="resolved", endsAt="2025-10-09T10:53:20.123456789+02:00"))
    )
    assert (fired.source, fired.fingerprint, fired.is_firing) == ("alertmanager", "a1b2", True)
    assert (fired.starts_ms, fired.ends_ms, fired.severity) == (START_MS, None, Severity.CRITICAL)
    assert fired.labels == {"alertname": "DiskFull", "instance": "web1:9100", "severity": "page", "host": "web1"}
    assert fired.annotations == {"summary": "full", "source": "http://p/graph"}
    assert (ended.is_firing, ended.ends_ms) == (False, START_MS + 123)


def test_an_old_sender_without_fingerprints_means_the_same_thing_by_the_same_labels() -> None:
    first = read_webhook(_webhook(_alert(fingerprint="", labels={"alertname": "X", "a": "1"})))[0]
    again = read_webhook(_webhook(_alert(fingerprint="", labels={"a": "1", "alertname": "X"})))[0]
    other = read_webhook(_webhook(_alert(fingerprint="", labels={"a": "2", "alertname": "X"})))[0]
    assert first.fingerprint == again.fingerprint != other.fingerprint


@pytest.mark.parametrize("text", ["a\x00b", "A1B2", "f" * 65, "../x", " "])
def test_what_is_no_fingerprint_is_made_one(text: str) -> None:
    first, again = (read_webhook(_webhook(_alert(fingerprint=text, labels={"alertname": name})))[0] for name in "XY")
    assert first.fingerprint == again.fingerprint
    assert set(first.fingerprint) <= set("0123456789abcdef")
    assert len(first.fingerprint) == 16


def test_annotations_are_bounded_one_by_one_and_together() -> None:
    many = read_webhook(_webhook(_alert(annotations={f"n{number}": "x" for number in range(500)})))[0]
    assert len(many.annotations) == 64
    long = read_webhook(_webhook(_alert(annotations={f"n{number}": "x" * 5000 for number in range(50)})))[0]
    assert sum(len(text) for text in long.annotations.values()) == 32_768


def test_grafana_says_more() -> None:
    more = {"silenceURL": "http://g/s", "dashboardURL": "http://g/d", "panelURL": "http://g/p", "valueString": "[ var='A' value=1 ]",
            "values": {"A": 1}}  # fmt: skip
    told = read_webhook(_webhook(_alert(**more), orgId=1, title="[FIRING:1]", state="alerting", message="m"))[0]
    assert told.source == "grafana"
    assert told.annotations["dashboard"] == "http://g/d"
    assert told.annotations["values"] == "[ var='A' value=1 ]"


@pytest.mark.parametrize(
    ("instance", "host"),
    [
        ("web1:9100", "web1"),
        ("web1", "web1"),
        ("[::1]:9100", "::1"),
        ("::1", "::1"),
        ("http://x/y", "http://x/y"),
        ("", None),
    ],
)
def test_the_host_is_that_of_the_instance_unless_a_label_says_so(instance: str, host: str | None) -> None:
    labels = {"alertname": "X", "instance": instance}
    assert read_webhook(_webhook(_alert(labels=labels)))[0].labels.get("host") == host
    named = read_webhook(_webhook(_alert(labels={**labels, "host": "db1"})))[0]
    assert named.labels["host"] == "db1"


def test_prometheus_names_no_end_or_one_that_lies_ahead_or_behind() -> None:
    labels = {"alertname": "X"}
    content = [
        {"labels": labels}, {"labels": labels, "endsAt": "2025-10-09T08:55:20Z"}, {"labels": labels, "endsAt": "2025-10-09T08:50:00Z"},
    ]  # fmt: skip
    open_, ahead, behind = read_alerts(json.dumps(content).encode(), NOW_MS)
    assert (open_.is_firing, open_.ends_ms, open_.starts_ms) == (True, NOW_MS + RESOLVE_TIMEOUT_MS, None)
    assert (ahead.is_firing, ahead.ends_ms) == (True, NOW_MS + 120_000)
    assert (behind.is_firing, behind.ends_ms) == (False, NOW_MS - 200_000)


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        ([{"labels": {}}], "#/alerts/0/labels"),
        ([{"labels": {"a": "1"}}], "#/alerts/0/labels/alertname"),
        ([{"labels": {"alertname": "X"}, "startsAt": "yesterday"}], "#/alerts/0/startsAt"),
        ([{"labels": {"alertname": "X", **{f"l{n}": "1" for n in range(80)}}}], "#/alerts/0/labels"),
        ([{"labels": {"alertname": 1}}], None),
        ({"labels": {}}, None),
    ],
)
def test_what_is_wrong_is_named(content: Any, pointer: str | None) -> None:
    with pytest.raises(InputError) as caught:
        read_alerts(json.dumps(content).encode(), NOW_MS)
    if pointer is not None:
        assert caught.value.errors[0]["pointer"] == pointer


def test_foreign_text_cannot_steer_a_terminal() -> None:
    told = read_webhook(_webhook(_alert(labels={"alertname": "\x1b[31mX\u202e"}, annotations={"summary": "a\x07b"})))[0]
    assert "\x1b" not in told.labels["alertname"]
    assert "\u202e" not in told.labels["alertname"]
    assert "\x07" not in told.annotations["summary"]


@given(st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["alerts", "labels", "annotations", "status", "startsAt", "endsAt", "fingerprint", "alertname", "x"]), inner, max_size=5
    ), max_leaves=25,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_arbitrary_bodies_are_read_or_refused(body: bytes) -> None:
    for read in (read_webhook, lambda content: read_alerts(content, NOW_MS)):
        try:
            for told in read(body):
                assert told.fingerprint
                assert told.labels
        except InputError:
            continue
