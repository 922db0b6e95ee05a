"""Problems, updates and recoveries of Zabbix, in the shapes that media types send."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.interop.zabbix_alerts import read_zabbix
from nagare.interop.zabbix_api import mark_of
from nagare.model.alert.foreign import Told
from nagare.model.event import Severity

PROBLEM = {
    "event_id": "4711", "event_name": "Disk is full", "event_value": "1", "event_update_status": "0", "event_nseverity": "4",
    "event_severity": "High", "event_source": "0", "host_host": "web1", "host_name": "Web 1", "host_ip": "192.0.2.1",
    "host_groups": "Linux servers,Web", "event_tags": '[{"tag":"scope","value":"capacity"},{"tag":"scope","value":"disk"},{"tag":"x","value":""}]',
    "trigger_id": "13", "trigger_description": "free some", "event_opdata": "97 %", "acknowledged": "No",
    "zabbix_url": "https://z.example.com/", "event_date": "2025.10.09", "event_time": "08:53:20",
}  # fmt: skip


def _read(**changes: Any) -> Told:
    (told,) = read_zabbix(
        json.dumps({key: value for key, value in {**PROBLEM, **changes}.items() if value is not None}).encode()
    )
    return told


def test_a_problem_is_read_with_its_tags_and_its_link() -> None:
    told = _read()
    assert (told.source, told.fingerprint, told.is_firing, told.severity) == ("zabbix", "4711", True, Severity.CRITICAL)
    assert told.labels == {
        "alertname": "Disk is full", "host": "web1", "zabbix_groups": "Linux servers,Web", "tag_scope": "capacity,disk", "tag_x": "true",
    }  # fmt: skip
    assert told.annotations["source"] == "https://z.example.com/tr_events.php?triggerid=13&eventid=4711"
    assert told.annotations["data"] == "97 %"
    assert told.starts_ms is None
    assert told.is_one_time
    assert told.is_acknowledged is False


def test_problem_update_and_recovery_are_one_thing() -> None:
    update = _read(event_update_status="1", event_update_action="acknowledged", event_update_message="mine", acknowledged="Yes",
                   event_update_user="Ann")  # fmt: skip
    recovery = _read(event_value="0", event_update_status="0")
    assert {update.fingerprint, recovery.fingerprint} == {"4711"}
    assert (update.is_firing, update.is_acknowledged, update.actor, update.comment) == (
        True,
        True,
        "Ann",
        "acknowledged mine",
    )
    assert recovery.is_firing is False


@pytest.mark.parametrize(("given", "severity"), [("0", 0), ("1", 0), ("2", 1), ("3", 2), ("4", 3), ("5", 3), ("9", 1)])
def test_severities_are_those_of_the_contract(given: str, severity: int) -> None:
    assert _read(event_nseverity=given).severity == severity


def test_a_severity_in_words_is_known_too() -> None:
    assert _read(event_nseverity=None, event_severity="Average").severity is Severity.HIGH


def test_macros_that_were_not_set_say_nothing() -> None:
    told = _read(
        event_opdata="{EVENT.OPDATA}",
        zabbix_url="{$ZABBIX.URL}",
        host_ip="*UNKNOWN*",
        trigger_description="{TRIGGER.DESCRIPTION}",
    )
    assert not told.annotations.keys() & {"data", "source", "address", "description"}


@pytest.mark.parametrize(
    "shape",
    [
        {"EventID": "4711", "Subject": "Problem: x", "Message": "text", "EVENT.VALUE": "1"},
        {"eventid": "4711", "trigger_name": "x", "event_value": 1, "host": "web1"},
        {"event_id": "4711", "name": "x", "status": "PROBLEM", "severity": "High", "hostname": "web1"},
        {"event_id": 4711, "alert_subject": "x", "event_status": "RESOLVED"},
    ],
)
def test_other_shapes_are_read(shape: dict[str, Any]) -> None:
    (told,) = read_zabbix(json.dumps(shape).encode())
    assert told.fingerprint == "4711"
    assert told.labels["alertname"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event_id": "{EVENT.ID}"}, "event_id"),
        ({"event_id": None}, "event_id"),
        ({"event_id": "4711; drop"}, "event_id"),
        ({"event_name": "{EVENT.NAME}"}, "event_name"),
        ({"event_value": "2"}, "event_value"),
        ({"event_value": "{EVENT.VALUE}"}, "event_value"),
        ({"event_value": ["1"]}, "event_value"),
        ({"event_tags": "[{"}, "event_tags"),
        ({"event_tags": '{"tag":"x"}'}, "event_tags"),
    ],
)
def test_what_is_wrong_is_named_with_the_way_out(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        _read(**changes)
    assert caught.value.errors[0]["pointer"] == f"#/{field}"
    assert caught.value.hint


def test_too_many_fields_are_refused() -> None:
    with pytest.raises(InputError, match="fields"):
        read_zabbix(json.dumps({f"f{number}": "x" for number in range(200)}).encode())


@given(
    st.dictionaries(
        st.sampled_from([*PROBLEM, "status", "value"]),
        st.none() | st.text(max_size=30) | st.integers() | st.lists(st.text(max_size=3), max_size=2),
        max_size=12,
    )
)
def test_arbitrary_fields_are_read_or_refused(fields: dict[str, Any]) -> None:
    try:
        (told,) = read_zabbix(json.dumps(fields).encode())
    except InputError:
        return
    assert told.fingerprint.isdigit()
    assert told.labels["alertname"]


def test_an_update_that_was_written_from_here_has_its_mark() -> None:
    mark = mark_of("3f2a9c0d11112222333344445555aaaa.12")
    assert mark == "[nagare 3f2a9c0d.12]"
    message = f"ann in Nagare: as [nagare 00000000.1] says {mark}"
    assert _read(event_update_status="1", event_update_message=message, acknowledged="Yes").mark == "3f2a9c0d.12"
    # The end of a problem that we closed is news.
    assert _read(event_value="0", event_update_message=message).mark == ""
    assert _read(event_update_status="1", event_update_message="mine [nagare x.1]").mark == ""
