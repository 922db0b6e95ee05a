"""Events: notes in, the list out, and what the server itself notices."""

import asyncio
from typing import Any

import pytest

from tests.component.server.conftest import Api
from tests.component.server.test_live import connected

PATH = "/api/v1/events"


async def _list(api: Api, query: str = "") -> list[dict[str, Any]]:
    answer = await api.call("GET", PATH + query)
    assert answer.status == 200, answer.raw
    events: list[dict[str, Any]] = answer.json["events"]
    return events


async def test_a_note_of_no_host(api: Api) -> None:
    answer = await api.call("POST", PATH, {"text": "the room was cooled"})
    (event,) = await _list(api)
    assert answer.json["ids"] == [event["id"]]
    assert (event["host"], event["kind"], event["severity"], event["source"]) == ("", "note", 0, "local")
    assert abs(event["ts"] - api.now_ms()) < 60_000


async def test_a_list_is_filtered_ordered_and_bounded(api: Api) -> None:
    await api.register()
    now = api.now_ms()
    notes = [
        {
            "id": f"e{number}",
            "text": "t",
            "kind": "deploy" if number % 2 else "note",
            "ts": now - 1000 * number,
            "host": host,
        }
        for number, host in enumerate(["web1", "", "web1", ""])
    ]
    assert (await api.call("POST", PATH, notes)).json["ids"] == ["e0", "e1", "e2", "e3"]
    assert [event["id"] for event in await _list(api)] == ["e0", "e1", "e2", "e3"]
    assert [event["id"] for event in await _list(api, "?limit=2")] == ["e0", "e1"]
    assert [event["id"] for event in await _list(api, "?host=web1")] == ["e0", "e2"]
    assert [event["id"] for event in await _list(api, "?kind=deploy")] == ["e1", "e3"]
    assert [event["id"] for event in await _list(api, f"?since_ms={now - 2000}&until_ms={now}")] == ["e1", "e2"]
    assert await _list(api, "?host=%27%20or%201%3D1--") == []
    for wrong in ("limit=0", "limit=x", "since_ms=1.5", "until_ms=", "limit=99999999"):
        assert (await api.call("GET", f"{PATH}?{wrong}")).code == "input-invalid", wrong


async def test_attributes_and_foreign_text_come_back_as_they_were(api: Api) -> None:
    note = {"text": "\x1b[31mred\u202e <b>", "attributes": {"a b": "c\n", "": "x"}, "severity": 3, "kind": "x.y"}
    assert (await api.call("POST", PATH, note)).status == 200
    (event,) = await _list(api)
    assert {key: event[key] for key in note} == note


@pytest.mark.parametrize(
    ("note", "status"),
    [
        ({"text": ""}, 400),
        ({"text": "x" * 4097}, 400),
        ({"text": "\x00"}, 400),
        ({"text": "x", "severity": 4}, 400),
        ({"text": "x", "severity": -1}, 400),
        ({"text": "x", "id": ""}, 400),
        ({"text": "x", "kind": ""}, 400),
        ({"text": "x", "host": "unknown"}, 404),
        ({"text": "x", "attributes": {str(number): "" for number in range(65)}}, 400),
        ({"text": "x", "attributes": {"a": "b" * 1025}}, 400),
        ({"text": 7}, 400),
        ([{"text": "fine"}, {"text": ""}], 400),
        ([{"text": "x"}] * 1001, 413),
    ],
)
async def test_unlawful_notes(api: Api, note: Any, status: int) -> None:
    answer = await api.call("POST", PATH, note)
    assert answer.status == status, answer.raw
    assert answer.code
    assert await _list(api) == []


async def test_a_host_speaks_only_for_itself(api: Api) -> None:
    token = await api.register()
    await api.register("web2", "m2")
    assert (await api.call("POST", PATH, {"text": "x", "host": "web2"}, token=token)).status == 403
    assert (await api.call("POST", PATH, {"text": "x", "host": "web1"}, token=token)).status == 200
    assert (await api.call("POST", PATH, {"text": "y"}, token=token)).status == 200
    assert {(event["host"], event["source"]) for event in await _list(api)} == {("web1", "agent")}


async def test_the_fall_and_rise_of_a_host_are_events(api: Api) -> None:
    token = await api.register(interval_seconds=0.2)
    async with connected(api) as live:
        await live.subscribe(tables=["events"])
        await api.call("POST", "/api/v1/metrics/batch", api.batch(seq=1), token=token)
        async with asyncio.timeout(30):
            assert (await live.next("event"))["event"]["kind"] == "host.down"
            await api.call("POST", "/api/v1/metrics/batch", api.batch(seq=2), token=token)
            assert (await live.next("event"))["event"]["kind"] == "host.up"
    events = await _list(api, "?host=web1")
    assert [event["kind"] for event in events[-2:]] == ["host.up", "host.down"]
