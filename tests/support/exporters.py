"""Exporters on loopback for tests of what scrapes them: real HTTP servers whose pages a test changes."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

# Generous, for a machine that is busy with other work.
WAIT_SECONDS = 30.0
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Exporter:
    """A page at ``url`` and how it is answered; ``asked`` holds the headers of every request."""

    page: str = "requests_total 1\n"
    status: int = 200
    content_type: str = TEXT
    encoding: str = ""
    location: str = ""
    raw: bytes | None = None
    hangs: bool = False
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer as the fields say."""
        async with self._changed:
            self.asked.append(dict(request.headers))
            self._changed.notify_all()
        if self.hangs:
            await asyncio.Event().wait()
        headers = {"Content-Type": self.content_type}
        if self.location:
            headers["Location"] = self.location
        if self.encoding:
            headers["Content-Encoding"] = self.encoding
        body = self.page.encode() if self.raw is None else self.raw
        if self.encoding == "gzip" and self.raw is None:
            body = gzip.compress(body)
        return web.Response(status=self.status, body=body, headers=headers)

    async def until_asked(self, more: int = 1) -> None:
        """Return when it was asked so many times more. What comes of one answer is over when the next is asked for."""
        wanted = len(self.asked) + more
        async with asyncio.timeout(WAIT_SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self.asked) >= wanted)


@asynccontextmanager
async def exporting(exporter: Exporter | None = None, port: int = 0) -> AsyncIterator[Exporter]:
    """Serve ``exporter`` at ``/metrics`` (and below) on a loopback port."""
    exporter = exporter or Exporter()
    app = web.Application()
    app.router.add_get("/metrics", exporter.answer)
    app.router.add_get("/moved/metrics", exporter.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    exporter.url = f"http://127.0.0.1:{runner.addresses[0][1]}/metrics"
    try:
        yield exporter
    finally:
        await runner.cleanup()
