"""Incidents, notifications and receivers over HTTP: who sees and changes which, and what is on record."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert

from nagare.alerting.notify.rows import incident_values
from nagare.alerting.notify.schema import incidents
from nagare.alerting.notify.store import Bounds
from nagare.model.notify.incident import FIRING, Incident
from nagare.model.notify.notice import DeliveryState
from tests.component.server.conftest import Api
from tests.support.notify_room import delivery

PASSWORD = "correct horse battery"
ALL = "/api/v1/notifications"


class Desk:
    """A server with notifications and an incident of two hosts, and people in front of it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def fill(self) -> None:
        for host in ("db1", "web1"):
            await self.api.register(host, machine_id=host, labels={"group": host.rstrip("1")})
        now_ms = self.api.now_ms()
        made = [
            replace(
                delivery(f"i{place}", host=host, made_ms=now_ms + place), state=DeliveryState.DEAD, done_ms=now_ms, fault="403"
            )
            for place, host in enumerate(("db1", "web1", "db1"))
        ]  # fmt: skip
        self.ids = [one.id for one in made]
        await self.api.services.alerts.notifier.store.add(made, Bounds(1000, 1000))
        told = [{"labels": {"alertname": "Full", "host": host}} for host in ("web1", "db1")]
        assert (await self.api.call("POST", "/api/v2/alerts", told)).status == 200
        for one in (await self.api.call("GET", "/api/v1/alerts")).json["alerts"]:
            await self.add_incident(f"of{one['labels']['host']}", {one["id"]: FIRING})

    async def add_incident(self, name: str, told: dict[str, str]) -> None:
        # Of now: what ended long ago is forgotten as soon as the server looks.
        ended_ms = self.api.now_ms()
        values = incident_values(Incident(name, "", {"alertname": "Full"}, 0, told=told, ended_ms=ended_ms))
        await self.api.services.records.write(lambda connection: connection.execute(insert(incidents).values(**values)))

    async def login(self, role: str, groups: list[str] | None = None) -> str:
        grants: list[dict[str, Any]] = [{"role": role, "groups": groups}]
        user = {"name": "dora", "password": PASSWORD, "grants": grants}
        assert (await self.api.call("POST", "/api/v1/users", user)).status == 200
        answer = await self.api.call("POST", "/api/v1/auth/login", {"user": "dora", "password": PASSWORD}, token=None)
        return str(answer.json["access_token"])

    async def ids_of(self, query: str, token: str = "") -> list[str]:
        answer = await self.api.call("GET", f"{ALL}{query}", token=token)
        assert answer.status == 200, answer.raw
        return [one["id"] for one in answer.json["notifications"]]


@pytest.fixture
async def desk(api: Api) -> Desk:
    """A desk with something on it."""
    made = Desk(api)
    await made.fill()
    return made


async def test_notifications_are_listed_and_shown(desk: Desk) -> None:
    assert await desk.ids_of("?state=dead") == desk.ids[::-1]
    assert await desk.ids_of("?state=sent,waiting") == []
    assert await desk.ids_of("?incident=i1") == [desk.ids[1]]
    assert await desk.ids_of("?channel=ops/phone&limit=1") == [desk.ids[2]]
    first = (await desk.api.call("GET", f"{ALL}?limit=2")).json
    assert await desk.ids_of(f"?limit=2&page={first['next']}") == [desk.ids[0]]
    detail = (await desk.api.call("GET", f"{ALL}/{desk.ids[1]}")).json
    assert (detail["notification"]["fault"], detail["firing"][0]["host"], detail["attempts"]) == ("403", "web1", [])


@pytest.mark.parametrize("query", ["?state=lost", "?limit=0", "?limit=501", "?severity=4", "?page=x", "?since_ms=a"])
async def test_what_cannot_be_asked_is_said(api: Api, query: str) -> None:
    assert (await api.call("GET", f"{ALL}{query}")).status == 400


async def test_one_that_is_dead_is_tried_again_or_given_up(desk: Desk) -> None:
    one = desk.ids[0]
    told = await desk.api.call("POST", f"{ALL}/{one}/retry")
    assert (told.status, told.json["state"]) == (200, "waiting")
    dropped = await desk.api.call("POST", f"{ALL}/{desk.ids[1]}/drop")
    assert (dropped.status, dropped.json["state"]) == (200, "dropped")
    assert (await desk.api.call("POST", f"{ALL}/{desk.ids[1]}/drop")).status == 409
    for verb in ("retry", "drop"):
        assert (await desk.api.call("POST", f"{ALL}/nothing/{verb}")).status == 404
    found = (await desk.api.call("GET", "/api/v1/audit?action=notifications.drop&outcome=done")).json["entries"]
    assert [(entry["target"], entry["before"]["channel"]) for entry in found] == [(desk.ids[1], "ops/phone")]


async def test_who_sees_some_hosts_sees_what_tells_of_them(desk: Desk) -> None:
    token = await desk.login("operator", ["db"])
    assert await desk.ids_of("", token) == [desk.ids[2], desk.ids[0]]
    hidden = await desk.api.call("GET", f"{ALL}/{desk.ids[1]}", token=token)
    missing = await desk.api.call("GET", f"{ALL}/{'x' * len(desk.ids[1])}", token=token)
    assert (hidden.status, missing.status) == (404, 404)
    found = (await desk.api.call("GET", "/api/v1/incidents?state=over", token=token)).json["incidents"]
    assert [one["id"] for one in found] == ["ofdb1"]
    assert (await desk.api.call("GET", "/api/v1/incidents/ofweb1", token=token)).status == 404
    # What changes what everybody is told is not for them.
    for path in (f"{ALL}/{desk.ids[0]}/retry", f"{ALL}/{desk.ids[0]}/drop", "/api/v1/receivers/terminal/test"):
        assert (await desk.api.call("POST", path, token=token)).status == 403
    assert (await desk.api.call("GET", "/api/v1/receivers", token=token)).status == 403


async def test_a_viewer_sees_and_changes_nothing(desk: Desk) -> None:
    token = await desk.login("viewer")
    assert len(await desk.ids_of("", token)) == 3
    assert (await desk.api.call("GET", "/api/v1/receivers", token=token)).status == 200
    assert (await desk.api.call("POST", f"{ALL}/{desk.ids[0]}/retry", token=token)).status == 403


async def test_incidents_are_listed_and_shown(desk: Desk) -> None:
    found = (await desk.api.call("GET", "/api/v1/incidents?state=over")).json["incidents"]
    assert {one["id"] for one in found} == {"ofweb1", "ofdb1"}
    detail = (await desk.api.call("GET", "/api/v1/incidents/ofdb1")).json
    assert [alert["labels"]["host"] for alert in detail["alerts"]] == ["db1"]
    assert (await desk.api.call("GET", "/api/v1/incidents?state=closed")).status == 400
    assert (await desk.api.call("GET", "/api/v1/incidents/nothing")).status == 404


async def test_a_test_goes_out_on_every_channel(desk: Desk) -> None:
    view = (await desk.api.call("GET", "/api/v1/receivers")).json
    (receiver,) = view["receivers"]
    made = (await desk.api.call("POST", f"/api/v1/receivers/{receiver['name']}/test")).json["notifications"]
    assert [(one["channel"], one["reason"]) for one in made] == [(receiver["channels"][0]["key"], "test")]
    nearest = await desk.api.call("POST", f"/api/v1/receivers/{receiver['name']}x/test")
    assert (nearest.status, nearest.json["hint"]) == (404, f"did you mean {receiver['name']!r}?")
    found = (await desk.api.call("GET", "/api/v1/audit?action=notifications.test&outcome=done")).json["entries"]
    assert [(entry["target"], entry["after"]["channels"]) for entry in found] == [
        (receiver["name"], [receiver["channels"][0]["key"]])
    ]
