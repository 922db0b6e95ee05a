"""Announcing and finding over loopback, in real child processes."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from nagare.errors import ConnectFailedError
from nagare.net.discovery import Announcer, Found, discover

PIN = "cd" * 32
LOOPBACK = ["127.0.0.1"]


async def test_an_announced_server_is_found_and_forgotten_again() -> None:
    properties = {"version": "0.1.0", "tls": "1", "pin": PIN}
    # Another test of this process may have loaded the library; what counts is that these calls do not.
    was_loaded = "zeroconf" in sys.modules
    async with Announcer("rack.7", 4321, properties, interfaces=LOOPBACK):
        found = await discover(2.0, interfaces=LOOPBACK)
        assert Found("https://127.0.0.1:4321", PIN, "rack-7") in found
        assert ("zeroconf" in sys.modules) == was_loaded


async def test_a_claim_that_cannot_be_true_is_left_out() -> None:
    async with Announcer("liar", 4322, {"tls": "1", "pin": "not a pin"}, interfaces=LOOPBACK):
        found = await discover(2.0, interfaces=LOOPBACK)
    assert "liar" not in [one.name for one in found]


async def test_an_announcement_that_the_network_refuses_is_told() -> None:
    with pytest.raises(ConnectFailedError, match="cannot announce the server: "):
        async with Announcer("nowhere", 4323, {}, interfaces=["203.0.113.1"]):
            pass


async def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, os, sys\n"
        "from nagare.net.discovery import Announcer\n"
        "async def main():\n"
        "    async with Announcer('gone', 4324, {}, interfaces=['127.0.0.1']):\n"
        "        print(open(f'/proc/self/task/{os.getpid()}/children').read(), flush=True)\n"
        "        sys.stdin.read()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(30):
        child = os.pidfd_open(int(await parent.stdout.readline()))
        ended = asyncio.Event()
        # A pidfd becomes readable when its process ends.
        asyncio.get_running_loop().add_reader(child, ended.set)
        parent.kill()
        await parent.wait()
        await ended.wait()
    asyncio.get_running_loop().remove_reader(child)
    os.close(child)
