"""The file that Zabbix imports: YAML of its shape, and what it sends is what we read."""

import json
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # has no types of its own

from nagare.errors import InputError
from nagare.interop.zabbix_alerts import read_zabbix
from nagare.interop.zabbix_media import media_type


def _media(url: str = "") -> dict[str, Any]:
    found = yaml.safe_load(media_type(url))
    assert list(found) == ["zabbix_export"]
    (media,) = found["zabbix_export"]["media_types"]
    return dict(media)


def test_it_is_a_webhook_that_tries_again_and_writes_our_tags() -> None:
    media = _media()
    texts = {name: value for name, value in media.items() if isinstance(value, str)}
    assert texts | {"script": "", "description": ""} == {
        "name": "Nagare", "type": "WEBHOOK", "max_sessions": "0", "attempts": "10", "attempt_interval": "60s", "timeout": "30s",
        "process_tags": "YES", "show_event_menu": "YES", "event_menu_url": "{EVENT.TAGS.nagare_alert}",
        "event_menu_name": "Alert in Nagare", "script": "", "description": "",
    }  # fmt: skip
    assert "'/api/v1/webhooks/zabbix'" in media["script"]
    assert [one["operation_mode"] for one in media["message_templates"]] == ["PROBLEM", "RECOVERY", "UPDATE"]


def test_a_secret_never_stands_in_it_and_an_address_only_when_it_was_given() -> None:
    for url, expected in (("", "{$NAGARE.URL}"), ("https://n.example:8750", "https://n.example:8750")):
        parameters = {one["name"]: one.get("value", "") for one in _media(url)["parameters"]}
        assert (parameters["nagare_url"], parameters["nagare_key"]) == (expected, "{$NAGARE.KEY}")


def test_an_address_is_one_text_whatever_stands_in_it() -> None:
    odd = 'https://n.example/it\'s: {a} # \\ "x"'
    assert {one["name"]: one.get("value") for one in _media(odd)["parameters"]}["nagare_url"] == odd


def test_what_it_sends_is_what_we_read() -> None:
    sent = {one["name"]: one.get("value", "") for one in _media()["parameters"]}
    filled = {
        "event_id": "7", "event_name": "Full", "event_value": "1", "event_nseverity": "4", "event_update_status": "1", "acknowledged": "Yes",
        "event_update_user": "Ann", "event_update_action": "acknowledged", "event_update_message": "mine", "host_host": "web1",
        "event_tags": '[{"tag":"a","value":"b"}]', "trigger_id": "13", "zabbix_url": "https://z.example", "event_opdata": "97 %",
        "host_groups": "Linux", "host_ip": "192.0.2.1", "trigger_description": "free some", "event_source": "0",
    }  # fmt: skip
    assert filled.keys() == sent.keys() - {"nagare_url", "nagare_key", "http_proxy"}
    (told,) = read_zabbix(json.dumps(filled).encode())
    assert (told.fingerprint, told.is_acknowledged, told.actor, told.comment) == ("7", True, "Ann", "acknowledged mine")
    assert told.labels == {"alertname": "Full", "host": "web1", "zabbix_groups": "Linux", "tag_a": "b"}
    assert told.annotations.keys() == {"summary", "description", "data", "source", "address"}
    # As its Test button sends it: macros that nobody filled.
    with pytest.raises(InputError, match="event_id is missing") as caught:
        read_zabbix(json.dumps(sent).encode())
    assert caught.value.hint == "import the media type that `nagare alerts zabbix-media-type` prints"
