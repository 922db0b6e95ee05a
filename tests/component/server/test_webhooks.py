"""Alerts that foreign senders tell of, by HTTP: taken once, durable, and refused with the place of the fault."""

import asyncio
import json
from pathlib import Path
from typing import Any

from nagare.alerting.foreign import intake
from nagare.config.settings import AlertSettings
from tests.component.server.callers import Everyone
from tests.component.server.conftest import Api, Serve
from tests.support.zabbix_server import TOKEN, Problem, zabbix_server

START = "2025-10-09T08:53:20Z"


def _alert(name: str, status: str = "firing", **more: Any) -> dict[str, Any]:
    return {
        "status": status, "labels": {"alertname": name, "instance": "web1:9100", "severity": "critical"},
        "annotations": {"summary": f"{name} on web1"}, "startsAt": START, "endsAt": START if status == "resolved" else "0001-01-01T00:00:00Z",
        "fingerprint": name.lower(), **more,
    }  # fmt: skip


async def _send(api: Api, *alerts: dict[str, Any]) -> None:
    answer = await api.call("POST", "/api/v1/webhooks/alertmanager", {"version": "4", "alerts": list(alerts)})
    assert (answer.status, answer.json) == (200, {"status": "ok"})


async def _names(api: Api, **query: str) -> list[str]:
    parameters = "&".join(f"{key}={value}" for key, value in query.items())
    answer = await api.call("GET", f"/api/v1/alerts?{parameters}")
    return sorted(alert["name"] for alert in answer.json["alerts"])


async def test_a_mixed_group_is_taken_once_however_often_it_comes(api: Api) -> None:
    await _send(api, _alert("A"), _alert("B"))
    for _ in range(3):
        await _send(api, _alert("A"), _alert("B", "resolved"))
    assert await _names(api, state="active") == ["A"]
    assert await _names(api) == ["A", "B"]
    assert await api.sql("SELECT name, state, host, silenced FROM alerts ORDER BY name") == [
        ["A", "firing", "web1", False],
        ["B", "resolved", "web1", False],
    ]


async def test_a_large_group_and_many_senders_at_one_time_are_taken_whole(api: Api) -> None:
    group = [_alert(f"N{number}") for number in range(500)]
    await asyncio.gather(*(_send(api, *group) for _ in range(4)))
    assert len(await _names(api, state="active", limit="500")) == 500
    detail = await api.call("GET", "/api/v1/alerts?limit=1")
    alert_id = detail.json["alerts"][0]["id"]
    turns = (await api.call("GET", f"/api/v1/alerts/{alert_id}")).json["turns"]
    assert [turn["after"] for turn in turns] == ["firing"]


async def test_one_group_may_tell_of_a_thing_twice(api: Api) -> None:
    await _send(api, _alert("A"), _alert("A", "resolved"), _alert("A", startsAt="2025-10-09T09:00:00Z"))
    # The first time ended long ago, so that what comes now is another alert.
    assert [await _names(api, state=state) for state in ("firing", "closed")] == [["A"], ["A"]]


async def test_what_prometheus_sends_needs_no_alertmanager(api: Api) -> None:
    posted = [
        {"labels": {"alertname": "Up", "instance": "db1:9100"}, "startsAt": START, "generatorURL": "http://p/graph"}
    ]
    for _ in range(2):
        answer = await api.call("POST", "/api/v2/alerts", posted)
        assert (answer.status, answer.json) == (200, {"status": "ok"})
    found = (await api.call("GET", "/api/v1/alerts")).json["alerts"]
    assert [(one["source"], one["state"], one["labels"]["host"]) for one in found] == [("prometheus", "firing", "db1")]


async def test_zabbix_tells_of_a_problem_an_acknowledgement_and_the_end(api: Api) -> None:
    problem = {"event_id": "7", "event_name": "Disk", "event_value": "1", "event_nseverity": "3", "host_host": "web1"}
    update = {
        **problem,
        "event_update_status": "1",
        "acknowledged": "Yes",
        "event_update_user": "Ann",
        "event_update_message": "mine",
    }
    for told, state in ((problem, "firing"), (update, "acknowledged"), ({**problem, "event_value": "0"}, "resolved")):
        answer = await api.call("POST", "/api/v1/webhooks/zabbix", told)
        (alert,) = (await api.call("GET", "/api/v1/alerts")).json["alerts"]
        assert alert["state"] == state
        # What its media type writes to the event.
        link = f"{api.running.url}/api/v1/alerts/{alert['id']}"
        assert (answer.status, answer.json) == (200, {"status": "ok", "tags": {"nagare_alert": link}})


async def test_faults_are_4xx_with_their_place_and_harm_nothing(api: Api) -> None:
    await _send(api, _alert("A"))
    bodies = [b"", b"[]", b"{", b'{"alerts": 1}', json.dumps({"alerts": [_alert("B"), _alert("C", "maybe")]}).encode()]
    for body in bodies:
        answer = await api.call("POST", "/api/v1/webhooks/alertmanager", body=body)
        assert answer.status == 400, body
        assert b"cannot" in answer.raw
    assert (await api.call("POST", "/api/v1/webhooks/zabbix", {"event_id": "{EVENT.ID}"})).status == 400
    assert (await api.call("POST", "/api/v2/alerts", [{"labels": {"severity": "info"}}])).status == 400
    assert await _names(api) == ["A"]


async def test_who_may_not_send_is_refused_and_a_host_may_not(api: Api) -> None:
    host = await api.register()
    for token, status in ((None, 401), (host, 403)):
        answer = await api.call("POST", "/api/v2/alerts", [{"labels": {"alertname": "X"}}], token=token)
        assert answer.status == status


async def test_more_than_can_wait_is_sent_again_later(api: Api, monkeypatch: Any) -> None:
    monkeypatch.setattr(intake, "WAITING_LIMIT", 3)
    answer = await api.call("POST", "/api/v2/alerts", [{"labels": {"alertname": f"X{number}"}} for number in range(4)])
    assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    assert await _names(api) == []


async def test_what_a_source_may_have_open_is_bounded_and_what_is_known_is_heard(api: Api, monkeypatch: Any) -> None:
    monkeypatch.setattr(intake, "OPEN_LIMIT", 2)
    await _send(api, _alert("A"))
    body = {"version": "4", "alerts": [_alert("A", "resolved"), _alert("B"), _alert("C")]}
    refused, other = await asyncio.gather(
        api.call("POST", "/api/v1/webhooks/alertmanager", body),
        api.call("POST", "/api/v2/alerts", [{"labels": {"alertname": "P"}}]),
    )
    assert (refused.status, "Retry-After" in refused.headers, other.status) == (503, True, 200)
    # The end is of long ago, so that it is history by now or soon.
    assert await _names(api, state="firing") == ["B", "P"]


async def test_what_is_heard_again_is_durable_when_it_is_answered(api: Api) -> None:
    posted = [{"labels": {"alertname": "X"}, "startsAt": START}]
    board = api.services.alerts.board
    for revision in (1, 2):
        assert (await api.call("POST", "/api/v2/alerts", posted)).status == 200
        (stored,) = await board.store.load_open()
        assert stored == next(iter(board.open()))
        assert stored.revision == revision


async def test_each_key_is_a_source_of_its_own(api: Api) -> None:
    everyone = Everyone(api)
    await everyone.arrive()
    secrets = []
    for name in ("site-a", "a-site-of-a-long-name-" * 2):
        asked = {"name": name, "permissions": ["alerts.send"], "expires_seconds": 600}
        made = await api.call("POST", "/api/v1/keys", asked, token=everyone.tokens["admin"])
        secrets.append(made.json["secret"])
    path, body = "/api/v1/webhooks/alertmanager", {"version": "4", "alerts": [_alert("A")]}
    for secret in secrets:
        assert (await api.call("POST", path, body, token=secret)).status == 200
    over = {"version": "4", "alerts": [_alert("A", "resolved")]}
    assert (await api.call("POST", path, over, token=secrets[0])).status == 200
    found = {one["source"]: one["state"] for one in (await api.call("GET", "/api/v1/alerts")).json["alerts"]}
    (long,) = (source for source in found if "~" in source)
    assert (len(long), long.startswith("alertmanager/admin.a-site-of-a-")) == (61, True)
    assert found == {"alertmanager/admin.site-a": "resolved", long: "firing"}


MAPPING = """
[[webhook]]
name = "uptime"
items = "/checks"
alertname = "/check"
host = "/host"
state = { from = "/status", firing = ["down"], resolved = ["up"] }
severity = { from = "/priority", values = { P1 = "critical" } }
says_once = true
"""


async def test_any_sender_is_heard_by_the_mapping_that_was_written_for_it(serve: Serve, tmp_path: Path) -> None:
    (folder := tmp_path / "rules").mkdir()
    (folder / "uptime.toml").write_text(MAPPING)
    path = "/api/v1/webhooks/generic/uptime"
    down, up = (
        {"checks": [{"check": "http", "host": "web1", "status": word, "priority": "p1"}]} for word in ("down", "up")
    )
    async with serve(sections={"alerts": AlertSettings(rules=folder)}) as api:
        for told, state in (
            (down, "firing"),
            (down, "firing"),
            (up, "resolved"),
            (down, "re-opened"),
            (up, "resolved"),
        ):
            answer = await api.call("POST", path, told)
            assert (answer.status, answer.json) == (200, {"status": "ok"})
            (found,) = (await api.call("GET", "/api/v1/alerts")).json["alerts"]
            assert (found["state"], found["source"], found["severity"]) == (state, "hook.uptime", 3)
        wrong = await api.call("POST", path, {"checks": [down["checks"][0], {"check": "x", "status": ["odd"]}]})
        assert (wrong.status, wrong.raw) == (400, b"cannot take alerts: #/checks/1/status must be a text or a number\n")
        assert (await api.call("POST", path, body=b"[" * 100_000)).status == 400
        assert (await api.call("POST", "/api/v1/webhooks/generic/uptme", down)).raw.startswith(
            b"cannot find webhook 'uptme'"
        )
        assert len((await api.call("GET", "/api/v1/alerts")).json["alerts"]) == 1
        # What is believed until its end is told has no end by itself.
        (stored,) = api.services.alerts.board.open()
        assert stored.believed_ms is None
        (folder / "uptime.toml").write_text(MAPPING.replace('"uptime"', '"checks"'))
        assert await asyncio.to_thread(api.services.alerts.book.refresh)
        assert [
            (await api.call("POST", f"/api/v1/webhooks/generic/{name}", up)).status for name in ("uptime", "checks")
        ] == [404, 200]


async def test_what_people_do_to_a_problem_is_written_to_its_zabbix(serve: Serve, tmp_path: Path) -> None:
    (folder := tmp_path / "rules").mkdir()
    (tmp_path / "token").write_text(TOKEN)
    problem = {"event_id": "7", "event_name": "Disk", "event_value": "1", "host_host": "web1"}
    async with zabbix_server() as server:
        written = asyncio.Queue[None]()

        async def note() -> None:
            written.put_nowait(None)

        server.problems["7"], server.after = Problem(), note
        (folder / "z.toml").write_text(
            f'[[zabbix]]\nname = "main"\nurl = "{server.url}"\nsecret_file = "{tmp_path / "token"}"\nwrites_back = true\nevery = "0s"\n'
        )
        async with serve(sections={"alerts": AlertSettings(rules=folder)}) as api:
            await api.call("POST", "/api/v1/webhooks/zabbix", problem)
            (alert,) = (await api.call("GET", "/api/v1/alerts")).json["alerts"]
            for verb, text in (("ack", "mine"), ("comment", "new disk"), ("unack", ""), ("resolve", "done")):
                answer = await api.call("POST", f"/api/v1/alerts/{alert['id']}/{verb}", {"text": text})
                assert answer.status == 200, answer.raw
                async with asyncio.timeout(20):
                    await written.get()
            messages = server.problems["7"].messages
            # What Zabbix says of it by its media type is known to be our own word.
            echo = {**problem, "event_update_status": "1", "event_update_message": messages[0], "acknowledged": "Yes"}
            assert (await api.call("POST", "/api/v1/webhooks/zabbix", echo)).status == 200
            (found,) = (await api.call("GET", "/api/v1/alerts")).json["alerts"]
            assert (found["state"], found["owner"]) == ("resolved", "")
            # The marks of another installation, and those of other events, are no word of ours.
            for number, mark in enumerate(("nagare 00000000.2]", messages[0].rpartition(" [")[2]), 8):
                fresh = {**problem, "event_id": str(number), "acknowledged": "No"}
                said = {**fresh, "event_update_status": "1", "acknowledged": "Yes", "event_update_user": "Bob",
                        "event_update_message": f"bob in Nagare: mine [{mark}"}  # fmt: skip
                for told in (fresh, said):
                    assert (await api.call("POST", "/api/v1/webhooks/zabbix", told)).status == 200
                (heard,) = [one for one in api.services.alerts.board.open() if one.fingerprint == str(number)]
                assert (heard.state.value, heard.owner) == ("acknowledged", "Bob")
    assert [message.partition(" in Nagare: ")[2].partition(" [")[0] for message in messages] == [
        "mine", "new disk", "given back", "done",
    ]  # fmt: skip
    assert server.problems["7"].is_closed


async def test_the_link_in_an_event_goes_to_the_address_for_people(serve: Serve) -> None:
    async with serve(public_url="https://nagare.example.com/n/") as api:
        told = {"event_id": "7", "event_name": "Disk", "event_value": "1"}
        answer = await api.call("POST", "/api/v1/webhooks/zabbix", told)
        (alert,) = (await api.call("GET", "/api/v1/alerts")).json["alerts"]
        link = f"https://nagare.example.com/n/api/v1/alerts/{alert['id']}"
        assert (answer.status, answer.json["tags"]) == (200, {"nagare_alert": link})
