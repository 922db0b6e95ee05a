"""Links in notifications over HTTP: a page that changes nothing, a button that works once, and nothing for who has no link."""

import asyncio
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from nagare.alerting.notify.rows import incident_values
from nagare.alerting.notify.schema import incidents
from nagare.config.settings import AlertSettings, LimitsSettings
from nagare.model.notify.incident import FIRING, Incident
from tests.component.server.conftest import Answer, Api, Serve
from tests.support.zabbix_server import TOKEN, Problem, zabbix_server

BASE = "https://ops.example.net"
INCIDENT = "0a1b2c3d000040008000000000000001"


class Desk:
    """A server with an incident of two alerts, and a link to it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def fill(self) -> None:
        told = [
            {"labels": {"alertname": "Full", "host": host}, "annotations": {"summary": "<script>alert(1)</script>"}}
            for host in ("web1", "db1")
        ]
        assert (await self.api.call("POST", "/api/v2/alerts", told)).status == 200
        await self.group()

    async def group(self) -> None:
        """Make an incident of the alerts that there are."""
        ids = [one["id"] for one in await self.alerts()]
        # One that is over, so that nobody else has a hand in it; not long ago, or whoever tidies up would forget it.
        told, now_ms = dict.fromkeys(ids, FIRING), self.api.now_ms()
        incident = Incident(INCIDENT, "", {"alertname": "Full"}, 0, told=told, ended_ms=now_ms)
        values = incident_values(incident)
        await self.api.services.records.write(lambda connection: connection.execute(insert(incidents).values(**values)))

    async def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.api.call("GET", "/api/v1/alerts")).json["alerts"]
        return found

    async def owners(self) -> set[tuple[str, str]]:
        return {(one["state"], one["owner"]) for one in await self.alerts()}

    def path(self, seconds: int = 3600) -> str:
        links = self.api.services.acking.links
        url = links.url(INCIDENT, "terminal/terminal", self.api.now_ms() + seconds * 1000)
        assert url.startswith(f"{BASE}/ack/")
        return url.removeprefix(BASE)

    async def ask(self, method: str, path: str, **headers: str) -> Answer:
        """Ask as a browser does, without any credentials."""
        return await self.api.call(method, path, token=None, headers={"Content-Type": "text/plain", **headers})


@pytest.fixture
async def desk(serve: Serve) -> AsyncIterator[Desk]:
    """A server that people know by another address than it listens on."""
    async with serve(public_url=f"{BASE}/") as api:
        made = Desk(api)
        await made.fill()
        yield made


def text_of(answer: Answer) -> str:
    """Return the page."""
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    page = answer.raw.decode()
    assert "<script" not in page
    return unescape(page)


async def test_looking_changes_nothing(desk: Desk) -> None:
    path = desk.path()
    for method in ("GET", "HEAD", "GET"):
        assert (await desk.ask(method, path)).status == 200
    page = text_of(await desk.ask("GET", path))
    assert "2 alerts of this incident" in page
    assert '<form method="post">' in page
    assert "link terminal/terminal" in page
    assert await desk.owners() == {("firing", "")}


async def test_the_button_works_once(desk: Desk) -> None:
    path = desk.path()
    page = text_of(await desk.ask("POST", path, **{"Content-Type": "application/x-www-form-urlencoded"}))
    assert "In hand" in page
    assert await desk.owners() == {("acknowledged", "link terminal/terminal")}
    for method in ("POST", "GET"):
        again = await desk.ask(method, path)
        assert again.status == 409
        assert "link terminal/terminal did so at 20" in text_of(again)
    done = (await desk.api.call("GET", "/api/v1/audit?action=alerts.ack&outcome=done")).json["entries"]
    assert [(one["actor"], one["target"], one["after"]["count"]) for one in done] == [
        ("link terminal/terminal", INCIDENT, 2)
    ]


async def test_what_the_button_does_is_written_to_the_zabbix_that_told_of_it(serve: Serve, tmp_path: Path) -> None:
    (folder := tmp_path / "rules").mkdir()
    (tmp_path / "token").write_text(TOKEN)
    written = asyncio.Event()

    async def note() -> None:
        written.set()

    async with zabbix_server() as server:
        server.problems["7"], server.after = Problem(), note
        (folder / "z.toml").write_text(
            f'[[zabbix]]\nname = "main"\nurl = "{server.url}"\nsecret_file = "{tmp_path / "token"}"\nwrites_back = true\nevery = "0s"\n'
        )
        async with serve(public_url=BASE, sections={"alerts": AlertSettings(rules=folder)}) as api:
            desk = Desk(api)
            problem = {"event_id": "7", "event_name": "Disk", "event_value": "1", "host_host": "web1"}
            assert (await api.call("POST", "/api/v1/webhooks/zabbix", problem)).status == 200
            await desk.group()
            assert (await desk.ask("POST", desk.path())).status == 200
            async with asyncio.timeout(20):
                await written.wait()
        (message,) = server.problems["7"].messages
        assert server.problems["7"].is_acknowledged
        assert message.startswith(
            "link terminal/terminal in Nagare: acknowledged by the link in a notification [nagare "
        )


async def test_another_link_says_who_has_them(desk: Desk) -> None:
    first, second = desk.path(), desk.path(7200)
    await desk.ask("POST", first)
    page = text_of(await desk.ask("GET", second))
    assert "In hand" in page
    assert "by link terminal/terminal" in page
    assert "<form" not in page


async def test_what_is_no_link_of_ours_is_refused(desk: Desk) -> None:
    path = desk.path()
    for forged in (f"{path}x", path[:-1], "/ack/x", f"/ack/{'a' * 3000}"):
        for method in ("GET", "POST"):
            answer = await desk.ask(method, forged)
            assert answer.status == 403, forged
            assert "This link does not work" in text_of(answer)
    over = await desk.ask("POST", desk.path(seconds=-1))
    assert over.status == 403
    assert "it ended at" in text_of(over)
    assert await desk.owners() == {("firing", "")}


async def test_no_link_is_on_record(serve: Serve) -> None:
    limits = LimitsSettings(address_logins_per_minute=3)
    async with serve(public_url=BASE, sections={"limits": limits}) as api:
        desk = Desk(api)
        await desk.fill()
        path = desk.path()
        statuses = [(await desk.ask("GET", path)).status for _ in range(4)]
        assert statuses == [200, 200, 200, 503]
        refused = await desk.ask("POST", path)
        assert "more logins come from your address" in text_of(refused)
        assert int(refused.headers["Retry-After"]) > 0
        entries = (await api.call("GET", "/api/v1/audit?outcome=refused")).json["entries"]
        assert {one["target"] for one in entries} == {"/ack/{token}"}
        assert await desk.owners() == {("firing", "")}


async def test_no_link_is_on_record_where_no_route_takes_it(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    path = desk.path()
    token = path.rpartition("/")[2]
    asked = [
        ("OPTIONS", path, "/ack/{token}"),
        ("PUT", path, "/ack/{token}"),
        ("GET", f"{path}/", "/ack/{token}"),
        ("GET", f"/nagare{path}", "/nagare/ack/{token}"),
        ("GET", f"/Ack//{token}", "/ack/{token}"),
        ("GET", f"/%61ck/{token}/x", "/ack/{token}"),
        ("GET", "/nothing/here", "/nothing/here"),
    ]
    for method, tried, _ in asked:
        assert (await desk.ask(method, tried)).status in (401, 404, 405), tried
    entries = (await desk.api.call("GET", "/api/v1/audit?outcome=refused")).json["entries"]
    assert [one["target"] for one in reversed(entries)] == [target for _, _, target in asked]
    assert token not in caplog.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "ops.example.net", "Origin": BASE}, 200),
        ({"Host": "ops.example.net", "Origin": "https://evil.example.net"}, 403),
        ({"Host": "evil.example.net"}, 403),
        ({"Host": "ops.example.net", "Origin": "null"}, 403),
    ],
)
async def test_the_form_comes_from_where_people_know_the_server(
    desk: Desk, headers: dict[str, str], status: int
) -> None:
    assert (await desk.ask("POST", desk.path(), **headers)).status == status
