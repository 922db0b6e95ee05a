"""A real server on a free loopback port over a fresh directory, and a small HTTP caller that hides nothing."""

import asyncio
import dataclasses
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from nagare.config.places import Places
from nagare.config.settings import AlertSettings, ServerSettings, Settings
from nagare.server.lifecycle import Running, serving
from nagare.wire.codec import decode_any, encode
from tests.component.server.declared import check_declared
from tests.support.migrated import place_records

# Their 29 statements, asked at each start, take four times as long as the start and all that most tests ask.
WITHOUT_SHIPPED = AlertSettings(shipped=False)


@dataclass
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return decode_any(self.raw)

    @property
    def code(self) -> str:
        """The problem's code; asserts that it is a problem document."""
        assert self.headers["Content-Type"] == "application/problem+json", self.raw
        assert self.json["status"] == self.status
        return str(self.json["code"])


class Api:
    """Calls a running server."""

    def __init__(self, running: Running, session: aiohttp.ClientSession, admin: str) -> None:
        self.running = running
        self.session = session
        self.admin = admin
        self.services = running.services

    async def call(
        self,
        method: str,
        path: str,
        value: Any = None,
        *,
        token: str | None = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send; token "" is the admin's, None sends none."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token or self.admin}"
        content = body if body is not None else (None if value is None else encode(value))
        stream = None if content is None else io.BytesIO(content)
        url = path if "://" in path else self.running.url + path
        async with self.session.request(method, url, data=stream, headers=sent, allow_redirects=False) as response:
            check_declared(method, path, response.status)
            return Answer(response.status, response.headers, await response.read())

    async def register(self, name: str = "web1", machine_id: str = "m1", **more: Any) -> str:
        """Register a host and return its token."""
        request = {"name": name, "machine_id": machine_id, "version": "0.1.0", **more}
        answer = await self.call("POST", "/api/v1/hosts/register", request)
        assert answer.status == 200, answer.raw
        return str(answer.json["token"])

    async def sql(self, statement: str) -> list[list[Any]]:
        """Return the rows of a statement."""
        answer = await self.call("POST", "/api/v1/sql", {"sql": statement})
        assert answer.status == 200, answer.raw
        rows: list[list[Any]] = answer.json["rows"]
        return rows

    def now_ms(self) -> int:
        """The server's clock."""
        return self.services.clock.now_ms()

    def batch(self, *, host: str = "web1", seq: int = 1, boot: str = "boot-1", **more: Any) -> dict[str, Any]:
        """Return a lawful batch of two rows in cpu."""
        now = self.now_ms()
        cpu = {"ts": [now, now], "core": ["all", "0"], "user_ratio": [0.1, 0.2]}
        return {"v": 1, "host": host, "boot": boot, "seq": seq, "tables": {"cpu": cpu}, **more}


def on_loopback(data: Path, **server: Any) -> Settings:
    """Return settings for a server on a free loopback port."""
    return Settings(data=data, server=ServerSettings(**{"listen": "127.0.0.1:0", "stop_seconds": 5.0, **server}))


class Serve:
    """``async with serve(limit=…) as api``: a server over this test's directory.

    ``alerts`` holds unless ``sections`` say otherwise: only where a test is about them are the shipped rules judged.
    """

    def __init__(self, data: Path, alerts: AlertSettings = WITHOUT_SHIPPED) -> None:
        self.data = data
        self._alerts = alerts

    def __call__(self, *, sections: Mapping[str, Any] | None = None, **server: Any) -> "_Served":
        settings = dataclasses.replace(on_loopback(self.data, **server), **{"alerts": self._alerts, **(sections or {})})
        return _Served(settings)


class _Served:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def __aenter__(self) -> Api:
        if not self.settings.records.url:
            await asyncio.to_thread(place_records, Places(self.settings.data).records)
        self._serving = serving(self.settings)
        running = await self._serving.__aenter__()
        self._session = aiohttp.ClientSession(auto_decompress=True)
        return Api(running, self._session, Places(self.settings.data).token.read_text().strip())

    async def __aexit__(self, *exception: object) -> None:
        await self._session.close()
        await self._serving.__aexit__(None, None, None)


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Starts servers over one directory; a second start is a restart."""
    return Serve(tmp_path / "data")


@pytest.fixture
def serve_with_rules(tmp_path: Path) -> Serve:
    """As ``serve``, with the rules that come with the package."""
    return Serve(tmp_path / "data", AlertSettings())


@pytest.fixture
async def api(serve: Serve) -> AsyncIterator[Api]:
    """A running server with the defaults."""
    async with serve() as running:
        yield running
