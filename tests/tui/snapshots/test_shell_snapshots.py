"""Pictures of screen 9 over a real SSH server: a link and where it leads, a shell that ended, and none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncssh
import pytest

from nagare.tui.screens.shells import ShellsPage
from nagare.tui.widgets.terminal_pane import LEADER
from tests.support.ssh_server import Doors, SshServer, ssh_server
from tests.tui.fleet import FleetSource
from tests.tui.screens.test_shells import _open
from tests.tui.shells import ssh_settings
from tests.tui.snapshots.test_snapshots import Compare, _fleet, _picture, _source
from tests.tui.stage import Scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn")


async def _quiet(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Write back what comes, and nothing of the window, whose size is told before or after the first letter."""
    process.stdout.write(b"web-1:~$ ")
    line = b""
    while not line.endswith(b"\r"):
        with suppress(asyncssh.TerminalSizeChanged):
            came = await process.stdin.read(1024)
            process.stdout.write(came)
            line += came
    process.exit(3)


@pytest.fixture
def server() -> Iterator[SshServer]:
    """A server in a loop of its own: the app's loop ends before the picture is compared."""
    loop, stop, found = asyncio.new_event_loop(), asyncio.Event(), list[SshServer]()
    is_ready = threading.Event()

    async def serve() -> None:
        async with ssh_server(Doors(password=True), program=_quiet) as running:
            found.append(running)
            is_ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="ssh-server")
    thread.start()
    assert is_ready.wait(30)
    yield found[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)
    loop.close()


def _shells(server: SshServer, folder: Path) -> FleetSource:
    source = _source(4)
    source.shells_held.port = server.port
    source.ssh = ssh_settings(folder)
    return source


async def _opened(top: Scene) -> None:
    await _fleet(top)
    await _open(top)
    await top.shows("web-1:~$")


def test_a_link_and_where_it_leads(snap_compare: Compare, server: SshServer, tmp_path: Path) -> None:
    async def steps(top: Scene) -> None:
        await _opened(top)
        page = top.app.page
        assert isinstance(page, ShellsPage)
        page.panes[0].send(b"\x1b]8;;https://bank.example@evil.example/login\x1b\\your bank\x1b]8;;\x1b\\")
        await top.shows("your bank")
        await top.press(LEADER, "l")
        await top.shows("leads to evil.example:")

    _picture(snap_compare, "hosts", (80, 24), steps, _shells(server, tmp_path))


def test_a_shell_that_ended(snap_compare: Compare, server: SshServer, tmp_path: Path) -> None:
    async def steps(top: Scene) -> None:
        await _opened(top)
        await top.type("exit 3")
        await top.press("enter")
        await top.shows("ended with status 3", "Enter opens it again")

    _picture(snap_compare, "hosts", (80, 24), steps, _shells(server, tmp_path))


def test_no_shell_is_open(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        await _fleet(top)
        await top.press("9")
        await top.shows("No shell is open")

    _picture(snap_compare, "hosts", (80, 24), steps, _source(4))
