"""The dashboard in a real browser: login, drill down, resize, a connection that is lost, and no request that leaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.chromium import Tab, chromium
from tests.support.processes import Process, RunningServer, child_environment, nagare_argv

PASSWORD = "correct horse battery"
SCREEN = "document.querySelector('.xterm-rows').innerText"


class Line:
    """A way to the server that can be cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, far_writer]
        await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while content := await reader.read(65536):
            writer.write(content)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def _line(server: RunningServer) -> AsyncIterator[tuple[str, Line]]:
    line = Line(urlsplit(server.url).port or 0)
    async with await asyncio.start_server(line.serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", line
        line.cut()


async def _add_user(server: RunningServer) -> None:
    argv = nagare_argv("--data", server.data, "users", "add", "ada", "--role", "viewer", "--password-stdin")
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, env=child_environment()
    )
    await process.communicate(f"{PASSWORD}\n".encode())
    assert process.returncode == 0


async def _log_in(tab: Tab, site: str) -> None:
    await tab.go(f"{site}/ui")
    assert "Health: ok" in await tab.run("document.body.innerText")
    await tab.run(
        f"document.querySelector('[name=user]').value = 'ada'; "
        f"document.querySelector('[name=password]').value = '{PASSWORD}'; document.querySelector('form').submit()"
    )
    await tab.until("document.body.innerText.includes('Welcome, ada')")


async def _is_refused_elsewhere(tab: Tab, site: str) -> None:
    # Another name of this machine is another origin; nothing of ours is shown there either.
    await tab.go(site.replace("127.0.0.1", "localhost") + "/ui")
    opens = f"new WebSocket('{site.replace('http', 'ws')}/ui/ws')"
    told = f"new Promise((done) => {{ const socket = {opens}; socket.onopen = () => done('open'); socket.onerror = () => done('refused'); }})"
    # The page's own policy would forbid it before the server does, so the question is asked without one.
    await tab.call("Page.setBypassCSP", enabled=True)
    await tab.go(site.replace("127.0.0.1", "localhost") + "/health")
    assert await tab.run(told) == "refused"
    await tab.call("Page.setBypassCSP", enabled=False)


async def test_the_dashboard_from_the_login_to_a_connection_that_comes_back(
    running_server: RunningServer, running_agent: Process, program: Callable[[str], str], tmp_path: Path
) -> None:
    await _add_user(running_server)
    async with _line(running_server) as (site, line), chromium(program("chromium"), tmp_path / "profile") as tab:
        await _log_in(tab, site)
        await tab.run("document.querySelector('a.button').click()")
        await tab.until(f"{SCREEN}.includes('Top processes') || {SCREEN}.includes('Hottest hosts')")
        await tab.until(f"/[1-9]%/.test({SCREEN})")
        await tab.press("3")
        await tab.until(f"{SCREEN}.includes('host ▸') || {SCREEN}.includes('hosts ▸')")
        wide = await tab.run("terminal.cols")
        await tab.call("Emulation.setDeviceMetricsOverride", width=800, height=600, deviceScaleFactor=1, mobile=False)
        await tab.until(f"terminal.cols < {wide} && {SCREEN}.includes('nagare')")
        await tab.run("document.body.dataset.desk = ''")
        line.cut()
        await tab.until(f"document.body.dataset.desk === 'returned' && {SCREEN}.includes('nagare')")
        assert (await tab.picture()).startswith(b"\x89PNG")
        assert {urlsplit(url).netloc for url in tab.requests} == {urlsplit(site).netloc}
        assert [one for one in tab.complaints if "Content Security Policy" in one] == []
        await tab.press("q")
        await tab.until("document.body.innerText.includes('Welcome, ada')")
        await _is_refused_elsewhere(tab, site)
    assert running_agent.is_running
