"""What docs/reference/access.md says, a real server does: every route, as every caller, over HTTP and WebSocket."""

import aiohttp
import pytest

from nagare.server.route import Route
from nagare.server.routes.table import ROUTES
from tests.component.server.callers import Everyone
from tests.component.server.conftest import Api
from tests.support.source import ROOT
from tools.docs_access import CALLERS, NO, OWN, YES, parse_page

PAGE = parse_page((ROOT / "docs" / "reference" / "access.md").read_text())


@pytest.fixture
async def everyone(api: Api) -> Everyone:
    made = Everyone(api)
    await made.arrive()
    return made


def test_every_route_stands_on_the_page_once() -> None:
    assert list(PAGE) == [(route.method, route.path) for route in ROUTES], "mend with: make docs"
    assert {cell for cells in PAGE.values() for cell in cells.values()} == {YES, NO, OWN}


async def test_the_server_does_what_the_page_says(everyone: Everyone) -> None:
    wrong = []
    for caller in CALLERS:
        for route in ROUTES:
            cell = PAGE[route.method, route.path][caller]
            status = await everyone.ask(route, caller)
            if not _is_right(route, caller, cell, status):
                wrong.append((caller, route.method, route.path, cell, status))
    assert wrong == []


def _is_right(route: Route, caller: str, cell: str, status: int) -> bool:
    if route.is_public:
        if route.has_secret_path:
            # Open to whoever has the secret, and this is none.
            return cell == YES and status == 403
        if route.path in ("/ui/login", "/ui/logout"):
            # Open to pages of ours alone, whoever looks at them.
            return cell == YES and status == 403
        # 404: no OpenID provider is configured here.
        return cell == YES and status in (200, 400, 404 if "/oidc/" in route.path else 200)
    if cell == NO:
        return status == (401 if caller == "nobody" else 403)
    if route.path == "/ws/agent":
        # Let in as far as its signature, and nothing is signed here (tests/component/commands).
        return status == 409
    return status not in (401, 403) and status < 500


async def test_own_is_what_concerns_the_hosts_of_the_group(everyone: Everyone) -> None:
    named = [route for route in ROUTES if "{name}" in route.path and PAGE[route.method, route.path]["group"] == OWN]
    assert len(named) >= 3
    for route in sorted(named, key=lambda route: route.method == "DELETE"):
        assert await everyone.ask(route, "group", name="web1") == 404, route
        status = await everyone.ask(route, "group", name="db1")
        # Of what stands on the host there is nothing of that id.
        assert status in ((404,) if "{id}" in route.path else (200, 204)), route


@pytest.mark.parametrize("path", [route.path for route in ROUTES if route.is_live and route.takes_ticket])
async def test_live_connections_open_to_whom_the_page_says(everyone: Everyone, path: str) -> None:
    for caller, cell in PAGE["GET", path].items():
        if caller == "nobody":
            # May bring a ticket in its first frame; one that is none ends the connection.
            assert "op" not in str(await everyone.greet(path, caller, "x" * 43))
        elif cell == NO:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await everyone.greet(path, caller)
            assert refused.value.status == 403, caller
            assert (await everyone.api.call("POST", "/api/v1/tickets", token=everyone.tokens[caller])).status == 403
        else:
            assert (await everyone.greet(path, caller))["op"] == "hello", caller
            made = await everyone.api.call("POST", "/api/v1/tickets", token=everyone.tokens[caller])
            assert (await everyone.greet(path, caller, made.json["ticket"]))["op"] == "hello", caller


async def test_another_hosts_token_brings_nothing_of_this_host(everyone: Everyone) -> None:
    api, token = everyone.api, everyone.tokens["other host"]
    now = api.now_ms()
    exposition = f'up{{host="web1",instance="web1"}} 1 {now}\n'.encode()
    line = f"pressure,host=web1 value=1 {now}000000\n".encode()
    text = {"Content-Type": "text/plain"}
    for path, body in (("/api/v1/import/prometheus", exposition), ("/write", line), ("/api/v2/write", line)):
        answer = await api.call("POST", path, body=body, headers=text, token=token)
        assert answer.status == 403, (path, answer.raw)
    tables = {view["name"] for view in (await api.call("GET", "/api/v1/tables")).json}
    assert "influx.pressure" not in tables
    assert await api.sql("SELECT DISTINCT host FROM samples") == []
