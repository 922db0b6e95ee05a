"""A browser without a window: it keeps cookies, names its origin, and holds pages open."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.component.server.conftest import Api

PASSWORD = "correct horse battery"
PATIENCE_S = 60


class PageSocket:
    """The WebSocket of an open page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.paint = b""

    async def open(self, **more: Any) -> None:
        await self.send(op="open", **{"columns": 100, "rows": 30, "zone": "Europe/Berlin", **more})

    async def send(self, **frame: Any) -> None:
        await self.socket.send_str(json.dumps(frame))

    async def next(self, op: str) -> dict[str, Any]:
        """Return the next frame of that kind; what is painted meanwhile is kept."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.socket.receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    self.paint += message.data
                else:
                    assert message.type is aiohttp.WSMsgType.TEXT, message
                    frame: dict[str, Any] = message.json()
                    if frame["op"] == op:
                        return frame

    async def painted(self, text: bytes) -> None:
        """Wait until ``text`` was painted."""
        async with asyncio.timeout(PATIENCE_S):
            while text not in self.paint:
                message = await self.socket.receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    self.paint += message.data
                else:
                    # That the dashboard is there is no end of it.
                    assert message.json()["op"] == "opened", message


class Browser:
    """One person's browser."""

    def __init__(self, api: Api, name: str) -> None:
        self.api = api
        self.name = name
        self.jar = aiohttp.CookieJar(unsafe=True)
        self.session = aiohttp.ClientSession(cookie_jar=self.jar)
        self.origin = api.running.url

    async def get(self, path: str) -> tuple[int, str, Mapping[str, str]]:
        async with self.session.get(self.api.running.url + path, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers

    async def post(self, path: str, origin: str | None = "", **fields: str) -> aiohttp.ClientResponse:
        """Send a form; origin "" is the page's own, None names none."""
        headers = {} if origin is None else {"Origin": origin or self.origin}
        url = self.api.running.url + path
        async with self.session.post(url, data=fields, headers=headers, allow_redirects=False) as answer:
            await answer.read()
            return answer

    async def login(self) -> None:
        answer = await self.post("/ui/login", user=self.name, password=PASSWORD)
        assert answer.status == 303

    @asynccontextmanager
    async def page(self, origin: str | None = "") -> AsyncIterator[PageSocket]:
        headers = {} if origin is None else {"Origin": origin or self.origin}
        async with self.session.ws_connect(self.api.running.url + "/ui/ws", headers=headers) as socket:
            yield PageSocket(socket)


async def add_user(api: Api, name: str, *roles: str) -> None:
    """Add a user who logs in by password."""
    grants = [{"role": role} for role in roles]
    answer = await api.call("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "grants": grants})
    assert answer.status == 200, answer.raw


@asynccontextmanager
async def browser_of(api: Api, name: str, *roles: str) -> AsyncIterator[Browser]:
    """Give the browser of a new user."""
    await add_user(api, name, *roles)
    browser = Browser(api, name)
    try:
        yield browser
    finally:
        await browser.session.close()
