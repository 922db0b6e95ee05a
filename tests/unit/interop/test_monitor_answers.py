"""What Zabbix and Prometheus answer when they are asked: whole, or no answer at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import UnavailableError
from nagare.interop import prometheus_api, zabbix_problems
from nagare.model.alert.alert import fingerprint_of
from nagare.model.event import Severity

UNTIL_MS = 1_760_000_300_000
PROBLEM = {"eventid": "7", "objectid": "13", "name": "Full", "severity": "3", "clock": "1760000000", "opdata": "97 %", "suppressed": "0",
           "tags": [{"tag": "a", "value": "b"}, {"tag": "a", "value": "c"}]}  # fmt: skip


def test_a_problem_is_told_as_the_media_type_tells_it() -> None:
    (problem,) = zabbix_problems.read_problems([PROBLEM])
    told = zabbix_problems.told_of(problem, "web1", "zabbix/a.b", "https://z.example/zabbix")
    assert (told.source, told.fingerprint, told.severity, told.is_one_time) == ("zabbix/a.b", "7", Severity.HIGH, True)
    assert told.labels == {"alertname": "Full", "host": "web1", "tag_a": "b,c"}
    assert (told.starts_ms, told.is_acknowledged) == (1_760_000_000_000, None)
    assert told.annotations["source"] == "https://z.example/zabbix/tr_events.php?triggerid=13&eventid=7"


def _answer(data: Any, status: str = "success") -> bytes:
    return json.dumps({"status": status, "data": data}).encode()


def test_alerts_of_prometheus_have_the_labels_that_it_sends() -> None:
    alerts = [
        {"labels": {"alertname": "A", "site": "own"}, "annotations": {"summary": "x"}, "state": "firing", "activeAt": "2025-10-09T08:53:20Z", "value": "1"},
        {"labels": {"alertname": "B"}, "state": "pending"}, {"labels": {}, "state": "firing"},
    ]  # fmt: skip
    (told,) = prometheus_api.read_firing(_answer({"alerts": alerts}), "prometheus", {"site": "a", "x": "y"}, UNTIL_MS)
    assert told.labels == {"alertname": "A", "site": "own", "x": "y"}
    assert (told.fingerprint, told.starts_ms, told.ends_ms) == (fingerprint_of(told.labels), None, UNTIL_MS)
    assert prometheus_api.read_targets(_answer({"activeTargets": [{"health": "up"}, {"health": "down"}]})) == (2, 1)
    assert prometheus_api.read_start_ms(_answer({"startTime": "2025-10-09T08:53:20.5Z"})) == 1_760_000_000_500


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", _answer(None), _answer({}), _answer({"alerts": {}}), _answer({"alerts": [{}]}), _answer({"alerts": []}, "error")],
)  # fmt: skip
def test_what_is_no_whole_answer_is_none(body: bytes) -> None:
    with pytest.raises(UnavailableError):
        prometheus_api.read_firing(body, "prometheus", {}, UNTIL_MS)


@pytest.mark.parametrize("odd", ["²", "٣", "", "-1", "1.0", "x\x1b", "9" * 21, "9" * 5000])
def test_what_is_no_number_is_no_answer(odd: str) -> None:
    with pytest.raises(UnavailableError, match="no id of an event"):
        zabbix_problems.read_problems([PROBLEM, {**PROBLEM, "eventid": odd}])
    (problem,) = zabbix_problems.read_problems([{**PROBLEM, "clock": odd}])
    assert zabbix_problems.told_of(problem, "web1", "zabbix/a.b", "https://z.example/zabbix").starts_ms is None


@pytest.mark.parametrize("odd", ["0001-01-01T00:00:00", "0000-01-01T00:00:00Z", "", 7])
def test_a_start_of_which_nobody_can_tell_when_it_was_is_no_answer(odd: Any) -> None:
    with pytest.raises(UnavailableError):
        prometheus_api.read_start_ms(_answer({"startTime": odd}))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["eventid", "objectid", "name", "tags", "hosts", "host", "triggerid", "r_eventid", "alerts", "labels"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(_JSON)
def test_whatever_is_answered_is_whole_or_none(result: Any) -> None:
    readers = (
        zabbix_problems.read_problems,
        zabbix_problems.read_triggers,
        zabbix_problems.read_ended,
        zabbix_problems.read_hosts,
    )
    for read in readers:
        try:
            found: Any = read(result)
        except UnavailableError:
            found = ()
        assert found is not None
    try:
        told = prometheus_api.read_firing(_answer(result), "prometheus", {}, UNTIL_MS)
    except UnavailableError:
        told = []
    assert all(one.labels["alertname"] for one in told)
