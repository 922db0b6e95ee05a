"""Dashboards behind pages: real programs over real WebSockets; who gets one, what it may, and how it ends."""

import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from nagare.config.ui import UiSettings
from nagare.lib.landlock import supported_abi
from tests.component.server.conftest import Api, Serve
from tests.component.server.ui.browser import Browser, PageSocket, browser_of


async def _refused(browser: Browser, origin: str | None = "") -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with browser.page(origin):
            pass
    return refused.value.status


async def _records(api: Api, action: str) -> list[dict[str, Any]]:
    return list((await api.call("GET", f"/api/v1/audit?action={action}")).json["entries"])


async def _ended(api: Api) -> dict[str, Any]:
    """Return the record of the one dashboard that ended; it is there before the page hears of the end."""
    [entry] = await _records(api, "ui.end")
    return entry


def _is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def test_no_page_without_a_login_a_role_and_an_origin_of_ours(api: Api) -> None:
    await api.call("PUT", "/api/v1/roles/auditor", {"permissions": ["audit.read"]})
    async with browser_of(api, "ada", "viewer") as ada, browser_of(api, "eve", "auditor") as eve:
        assert await _refused(ada) == 401
        await ada.login()
        await eve.login()
        assert await _refused(eve) == 403
        for origin in (None, "null", "https://evil.example", api.running.url.replace("127.0.0.1", "localhost")):
            assert await _refused(ada, origin) == 403, origin
        # A token is no login: nobody's dashboard runs under it.
        headers = {"Authorization": f"Bearer {api.admin}", "Origin": api.running.url}
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with api.session.ws_connect(api.running.url + "/ui/ws", headers=headers):
                pass
        assert refused.value.status == 403
    assert len(api.services.desks) == 0
    assert {entry["outcome"] for entry in await _records(api, "ui.open")} == {"refused"}


async def test_a_page_that_says_nothing_sensible_gets_no_dashboard(api: Api) -> None:
    async with browser_of(api, "ada", "viewer") as ada:
        await ada.login()
        for frame in ({"op": "resize", "columns": 80, "rows": 24}, {"op": "open", "columns": 9999, "rows": 24}, {}):
            async with ada.page() as page:
                await page.send(**frame)
                assert (await page.next("ended"))["is_refused"]
    assert len(api.services.desks) == 0


async def test_a_dashboard_from_its_begin_to_the_end_of_its_login(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the server alone")
    settings = UiSettings(session_limit=1)
    async with serve(sections={"ui": settings}) as api, browser_of(api, "ada", "operator") as ada:
        await ada.login()
        async with ada.page() as page:
            await page.open()
            opened = await page.next("opened")
            assert opened["is_new"]
            await page.painted(b"nagare")
            [desk] = api.services.desks.desks
            await _may_only_read(api, desk.secret)
            _tells_nothing(desk.child.pid if desk.child else 0, desk.secret)
            await _others_have_none(api, page, ada, opened["desk"])
        async with ada.page() as page:
            # The same one, drawn anew.
            await page.open(desk=opened["desk"], columns=90)
            assert await page.next("opened") == {"op": "opened", "desk": opened["desk"], "is_new": False}
            await page.painted(b"\x1bc\x1b[?1049h")
            await page.painted(b"nagare")
            pid = desk.child.pid if desk.child else 0
            session = desk.owner.session_id
            assert (await api.call("DELETE", f"/api/v1/sessions/{session}")).status == 204
            # Before its program ends, what it shows is worth nothing.
            assert (await api.call("GET", "/api/v1/hosts", token=desk.secret)).status == 401
            assert "your login ended" in (await page.next("ended"))["why"]
        [begun] = [entry for entry in await _records(api, "ui.open") if entry["outcome"] == "done"]
        ended = await _ended(api)
        assert (begun["actor"], begun["address"]) == (ended["actor"], ended["address"]) == ("ada", "127.0.0.1")
        assert ended["after"]["id"] == begun["after"]["id"]
        assert ended["after"]["seconds"] >= 0
        assert _is_gone(pid)


async def _may_only_read(api: Api, secret: str) -> None:
    me = (await api.call("GET", "/api/v1/auth/me", token=secret)).json
    assert (me["name"], me["kind"]) == ("ada", "browser")
    assert all(name.endswith(".read") for name in me["permissions"])
    for method, path in (("POST", "/api/v1/events"), ("POST", "/api/v1/keys"), ("POST", "/api/v1/shells")):
        assert (await api.call(method, path, {"text": "x", "host": "x", "name": "x"}, token=secret)).status == 403


def _tells_nothing(pid: int, secret: str) -> None:
    for file in ("cmdline", "environ"):
        content = Path(f"/proc/{pid}/{file}").read_bytes()
        assert secret.encode() not in content
        assert b"of the server alone" not in content
    assert Path(f"/proc/{pid}/cwd").resolve() == Path("/")
    # Inside its fence, where the kernel has one; every other thread of it too.
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        assert f"NoNewPrivs:\t{int(supported_abi() > 0)}" in status.read_text().splitlines()
    opened = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    assert not [path for path in opened if "records.db" in path]


async def _others_have_none(api: Api, page: PageSocket, ada: Browser, desk: str) -> None:
    # One of all is open: neither a second page nor another user gets one, and no other user gets this one.
    async with ada.page() as second, browser_of(api, "bob", "viewer") as bob:
        await second.open()
        assert "1 of yours and 1 of all" in (await second.next("ended"))["why"]
        await bob.login()
        async with bob.page() as stranger:
            await stranger.open(desk=desk)
            assert "0 of yours and 1 of all" in (await stranger.next("ended"))["why"]


async def test_a_program_that_is_killed_is_told_and_one_that_is_left_gives_its_files_first(api: Api) -> None:
    await api.register("web1")
    async with browser_of(api, "ada", "viewer") as ada:
        await ada.login()
        async with ada.page() as page:
            await page.open()
            await page.painted(b"nagare")
            [desk] = api.services.desks.desks
            assert desk.child is not None
            os.kill(desk.child.pid, signal.SIGKILL)
            assert (await page.next("ended"))["why"] == "its program ended: signal SIGKILL"
        assert (await _ended(api))["detail"] == "its program ended: signal SIGKILL"
        async with ada.page() as page:
            await page.open()
            await page.painted(b"web1")
            await page.socket.send_bytes(b"2")
            await page.painted(b"hosts")
            await page.socket.send_bytes(b"e")
            file = await page.next("file")
            # The rows come as a file of the browser, and none of the server's disk.
            assert file["name"].startswith("nagare-hosts-")
            assert "web1" in file["content"]
            await page.socket.send_bytes(b"q")
            assert (await page.next("ended"))["why"] == "you left the dashboard"


async def test_a_server_that_stops_tells_its_pages_and_leaves_no_program(serve: Serve) -> None:
    served = serve()
    api = await served.__aenter__()
    async with browser_of(api, "ada", "viewer") as ada:
        await ada.login()
        async with ada.page() as page:
            await page.open()
            await page.painted(b"nagare")
            [desk] = api.services.desks.desks
            pid = desk.child.pid if desk.child else 0
            await served.__aexit__()
            assert (await page.next("ended"))["why"] == "the server stops"
            assert _is_gone(pid)
