"""Bodies of any sender: what mappings make of them, and that whatever comes is alerts or a fault with its place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.interop.mapped_alerts import ITEMS_LIMIT, read_mapped
from nagare.model.alert.alert import fingerprint_of
from nagare.model.alert.definition import parse_rules
from nagare.model.alert.foreign import Told
from nagare.model.alert.webhook import Webhook
from nagare.model.event import Severity

NOW_MS = 1_760_000_000_000
LIST: dict[str, Any] = {
    "name": "checks", "items": "/events", "alertname": "{{ /check/type }} check", "host": "/check/host",
    "fingerprint": "{{ #/account }}/{{ /check/id }}", "starts_at": "/since", "ends_at": "/until",
    "state": {"from": "/status", "firing": ["down"], "resolved": ["up", "ok"]},
    "severity": {"from": "/priority", "values": {"P1": "critical", "1": "high"}, "otherwise": "info"},
    "labels": {"team": "/team", "env": "prod", "both": "{{ /a }}-{{ /b }}"}, "labels_of": "/tags",
    "annotations": {"summary": "{{ host }} of {{ team }}: {{ /error }}", "link": "/link"}, "annotations_of": "#/more",
}  # fmt: skip
EVENT: dict[str, Any] = {
    "check": {"type": "http", "id": 7, "host": "web1"},
    "status": "DOWN",
    "priority": "p1",
    "team": "db",
}


def _webhook(**fields: Any) -> Webhook:
    (found,) = parse_rules({"webhook": [{**LIST, **fields}]}, "own.toml").webhooks
    return found


def _read(body: Any, webhook: Webhook | None = None) -> list[Told]:
    return read_mapped(json.dumps(body).encode(), webhook or _webhook(), NOW_MS)


def _one(**fields: Any) -> Told:
    (told,) = _read({"account": 12, "events": [{**EVENT, **fields}]})
    return told


def test_a_list_of_events() -> None:
    body = {"account": 12, "more": {"site": "b", "none": None, "deep": {}}, "events": [
        {**EVENT, "since": 1_759_999_000, "link": "https://c.example/7", "tags": {"a": 1.0, "b": True, "c": None, "severity": "x"}},
        {**EVENT, "check": {"type": "ping", "id": 8}, "status": "up", "priority": 1, "until": "2025-10-09T08:00:00+02:00"},
    ]}  # fmt: skip
    first, second = _read(body)
    assert first == Told(
        "hook.checks", fingerprint_of({"fingerprint": "12/7"}),
        {"a": "1", "b": "true", "team": "db", "env": "prod", "alertname": "http check", "host": "web1"},
        {"site": "b", "summary": "web1 of db: –", "link": "https://c.example/7"},
        Severity.CRITICAL, is_firing=True, starts_ms=1_759_999_000_000,
    )  # fmt: skip
    assert (second.is_firing, second.severity, second.ends_ms) == (False, Severity.HIGH, 1_759_989_600_000)
    assert "host" not in second.labels


def test_a_body_that_is_one_alert_and_one_that_is_a_list() -> None:
    plain = {"name": "one", "alertname": "/title"}
    one, many = (_webhook(**plain, items=items) for items in ("/x", ""))
    (bare,) = parse_rules({"webhook": [plain]}, "own.toml").webhooks
    (told,) = _read({"title": "Full", "instance": "web1:80"}, bare)
    assert (told.labels, told.is_firing, told.severity, told.ends_ms) == (
        {"alertname": "Full"},
        True,
        Severity.WARNING,
        None,
    )
    assert told.fingerprint == fingerprint_of(told.labels)
    assert _read({"x": None}, one) == []
    assert len(_read([{**EVENT, "title": "a"}] * 2, _webhook(**plain, items="", fingerprint="/check/id"))) == 2
    assert _read([], many) == []


def test_what_is_the_same_thing_is_known_by_its_labels_without_the_severity() -> None:
    (webhook,) = parse_rules({"webhook": [{"name": "x", "alertname": "A", "labels_of": "/l"}]}, "x").webhooks
    tellings = [_read({"l": {"b": "1", "severity": level}}, webhook)[0] for level in ("high", "info")]
    assert len({told.fingerprint for told in tellings}) == 1


@pytest.mark.parametrize(
    ("given_", "moment"),
    [
        (1_760_000_000, NOW_MS), (1_760_000_000.0, NOW_MS), ("1760000000", NOW_MS), (NOW_MS, NOW_MS), (str(NOW_MS), NOW_MS),
        ("2025-10-09T08:53:20Z", NOW_MS), ("2025-10-09 08:53:20", NOW_MS), ("2025-10-09T10:53:20+02:00", NOW_MS), (0, None), ("", None),
        (None, None), ("0001-01-01T00:00:00Z", None),
    ],
)  # fmt: skip
def test_moments(given_: Any, moment: int | None) -> None:
    assert _one(since=given_).starts_ms == moment


@pytest.mark.parametrize("given_", ["soon", "nan", "inf", -1, 1e30, "2025-13-01", "9999-12-31T23:59:59-23:59"])
def test_what_is_no_moment_is_refused_with_its_place(given_: Any) -> None:
    assert _fault({"account": 1, "events": [{**EVENT, "since": given_}]}) == "#/events/0/since"


def _fault(body: Any, webhook: Webhook | None = None) -> str:
    with pytest.raises(InputError) as caught:
        _read(body, webhook)
    (fault,) = caught.value.errors
    assert caught.value.message.startswith(f"cannot take alerts: {fault['pointer']} {fault['detail']}")
    return str(fault["pointer"])


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "#/events"), ({"events": {}}, "#/events"), ({"events": 3}, "#/events"), ([], "#/events"), (None, "#/events"),
        ({"events": [3]}, "#/events/0/check/type"), ({"events": [None]}, "#/events/0/check/type"),
        ({"events": [{**EVENT, "check": {"type": ["x"]}}]}, "#/events/0/check/type"),
        ({"events": [{**EVENT, "status": "odd"}]}, "#/events/0/status"), ({"events": [{**EVENT, "status": None}]}, "#/events/0/status"),
        ({"events": [EVENT]}, "#/account"), ({"account": {}, "events": [EVENT]}, "#/account"),
        ({"account": 1, "events": [EVENT, {**EVENT, "tags": [1]}]}, "#/events/1/tags"),
        ({"account": 1, "events": [{**EVENT, "tags": {f"t{n}": "x" for n in range(80)}}]}, "#/events/0"),
        ({"account": 1, "events": [{**EVENT, "priority": {"a": 1}}]}, "#/events/0/priority"),
        ({"account": 1, "events": [{**EVENT, "link": ["a"]}]}, "#/events/0/link"),
        ({"account": 1, "events": [{}] * (ITEMS_LIMIT + 1)}, "#/events"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_refused_with_its_place(body: Any, place: str) -> None:
    assert _fault(body) == place


def test_words_that_neither_list_names() -> None:
    state = {"from": "/status", "firing": ["*"], "resolved": ["ok"]}
    told = [
        _read({"account": 1, "events": [{**EVENT, "status": word}]}, _webhook(state=state))[0] for word in ("odd", "OK")
    ]
    assert [one.is_firing for one in told] == [True, False]


def test_how_long_a_word_holds() -> None:
    body = {"account": 1, "events": [EVENT, {**EVENT, "until": NOW_MS + 5}, {**EVENT, "status": "ok"}]}
    held = _read(body, _webhook(holds="10m"))
    assert [one.ends_ms for one in held] == [NOW_MS + 600_000, NOW_MS + 5, None]
    assert all(one.is_said_once for one in _read(body, _webhook(says_once=True)))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 200_000, b'{"a":' * 50_000, b"9" * 6000, b"1e999", b'"\\ud800"', b'{"account":1,"events":[{"check":{"type":NaN}}]}'],
)  # fmt: skip
def test_what_is_no_json_is_a_fault(body: bytes) -> None:
    with pytest.raises(InputError):
        read_mapped(body, _webhook(), NOW_MS)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["check", "type", "id", "host", "status", "since", "tags", "priority"]) | st.text(max_size=3), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


@given(st.lists(_JSON, max_size=3), _JSON)
def test_whatever_comes_is_alerts_or_a_fault_with_its_place(events: list[Any], account: Any) -> None:
    mixed = [{**EVENT, **event} if isinstance(event, dict) else event for event in events]
    told, places = _either({"account": account, "events": mixed})
    assert all(place.startswith("#") for place in places)
    for one in told:
        assert one.labels["alertname"]
        assert len(one.fingerprint) == 16
        assert one.starts_ms is None or 0 < one.starts_ms < 2**48
        assert all(len(text) <= 4096 for text in (*one.labels.values(), *one.annotations.values()))


def _either(body: Any) -> tuple[list[Told], list[str]]:
    try:
        return _read(body), []
    except InputError as error:
        return [], [fault["pointer"] for fault in error.errors] or ["nowhere"]
