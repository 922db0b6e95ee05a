"""Shells in the dashboard: keys while a program floods the terminal, an end to the flood, many panes, and noise."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import asyncssh

from benches.report import Row, Section
from nagare.config.settings import Settings
from nagare.config.terminal import SshSettings
from nagare.lib.garbage import drawing_collector, set_aside
from nagare.ssh.terminal.choice import make_core
from nagare.tui.app import TopApp
from nagare.tui.location import parse_location
from nagare.tui.screens.shells import ShellsPage
from nagare.tui.widgets.terminal_pane import TerminalPane
from tests.support.agent_fleet import quantile
from tests.support.ssh_server import write_key
from tests.tui.fleet import FleetSource, host_names

SIZE = 50 * 10**6
PANES = 20
# Four times what a pane keeps.
LINES = 40_000
NOISE_BYTES = 10 * 10**6
ONE_PANE, MANY_PANES = (120, 40), (160, 80)
_PATIENCE_SECONDS = 300
_HOW = (
    "The dashboard runs in one process without a terminal, its screens made as ever; the SSH server with its bash has another. A raw client of"
    " the same library reads the same bytes beside it. A key is timed from where the pane sends it until the rows with its echo are made."
)
# No line of the file holds it.
_KEY = b"Z"
_END = b"done"
_READY = "$"


class Site:
    """The SSH server, and how the dashboard reaches it."""

    def __init__(self, folder: Path, port: int, known: str) -> None:
        self.port, self.key, self.file = port, folder / "id", folder / "big"
        config, known_hosts = folder / "ssh_config", folder / "known_hosts"
        config.write_text(f"Host *\n  IdentityFile {self.key}\n")
        # Every host of the fleet is this one.
        known_hosts.write_text(f"* {known.partition(' ')[2]}\n")
        self.settings = SshSettings(config_file=config, known_hosts_file=known_hosts, agent=False)
        line = b"0123456789 a line as logs have it, neither short nor long, \x1b[32mwith a colour\x1b[0m in it\n"
        self.file.write_bytes(line * (SIZE // len(line)))


@contextmanager
def _site(folder: Path) -> Iterator[Site]:
    key = write_key(folder, asyncssh.generate_private_key("ssh-ed25519"))
    argv = [sys.executable, "-m", "benches.shells.sshd", str(key)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as popen:
        assert popen.stdin is not None
        assert popen.stdout is not None
        port, _, known = popen.stdout.readline().partition(" ")
        try:
            yield Site(folder, int(port), known.strip())
        finally:
            popen.stdin.close()


@asynccontextmanager
async def _dashboard(site: Site, size: tuple[int, int]) -> AsyncIterator[ShellsPage]:
    source = FleetSource(host_names(PANES))
    source.shells_held.port = site.port
    source.connect()
    app = TopApp(Settings(data=Path("/nonexistent"), ssh=site.settings), parse_location("shells"), source=source)
    async with app.run_test(size=size) as pilot:
        while not isinstance(app.page, ShellsPage) or not app.page.is_ready:
            await pilot.pause(0.02)
        yield app.page


async def _open(page: ShellsPage, host: str) -> TerminalPane:
    await page.open(host)
    pane = page.panes[-1]
    await _until(lambda: pane.is_open and _READY in pane.shown_text())
    return pane


def _is_shown(pane: TerminalPane, text: str) -> bool:
    return text in pane.shown_text()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        # Nothing tells when a screen shows something.
        while not holds():  # noqa: ASYNC110  as above
            await asyncio.sleep(0.01)


async def _raw(site: Site) -> tuple[float, float]:
    """Return the seconds, by the clock and of processor time, in which a client that shows nothing reads the file."""
    async with asyncssh.connect(
        "127.0.0.1", site.port, username="ops", client_keys=[str(site.key)], known_hosts=None
    ) as link:
        process = await link.create_process(None, term_type="xterm", encoding=None, request_pty="force")
        begun, cpu = time.perf_counter(), time.process_time()
        process.stdin.write(f"stty -echo; cat {site.file}; echo d''one\n".encode())
        tail = b""
        while _END not in tail:
            tail = tail[-8:] + await process.stdout.read(65536)
        return time.perf_counter() - begun, time.process_time() - cpu


class Heard:
    """Whether the host has written a word, told from its bytes: to read the screen for it would take a third of the time."""

    def __init__(self, pane: TerminalPane, word: bytes) -> None:
        self._tail, self.is_there = b"", False
        take = pane._take  # noqa: SLF001  a bench listens in

        def taken(chunk: bytes) -> None:
            take(chunk)
            self.is_there = self.is_there or word in self._tail + chunk
            self._tail = chunk[-len(word) :]

        pane._take = taken  # type: ignore[method-assign]  # noqa: SLF001  as above


class Flood:
    """A pane while a program writes into it: when a key was typed, and when its echo was drawn."""

    def __init__(self, pane: TerminalPane) -> None:
        self._pane = pane
        self._typed: float | None = None
        self._is_here = False
        self.waits: list[float] = []
        take, draw = pane._take, pane._draw_missing  # noqa: SLF001  a bench listens in

        def taken(chunk: bytes) -> None:
            self._is_here = self._is_here or (self._typed is not None and _KEY in chunk)
            take(chunk)

        def drawn() -> None:
            draw()
            if self._is_here and self._typed is not None:
                self.waits.append(time.perf_counter() - self._typed)
                self._typed, self._is_here = None, False

        pane._take, pane._draw_missing = taken, drawn  # type: ignore[method-assign]  # noqa: SLF001  as above

    async def type_until(self, end: Heard) -> None:
        """Type a key as often as its echo came, while the flood goes on."""
        chance = random.Random(1)
        while not end.is_there:
            if self._typed is None:
                # Not in step with the frames.
                await asyncio.sleep(chance.uniform(0.02, 0.06))
                self._typed = time.perf_counter()
                self._pane.send(_KEY)
            await asyncio.sleep(0.005)


async def _cat(page: ShellsPage, site: Site) -> list[Row]:
    pane = await _open(page, "web-1")
    end, begun, cpu = Heard(pane, _END), time.perf_counter(), time.process_time()
    pane.send(f"cat {site.file}; echo d''one\n".encode())
    await _until(lambda: end.is_there)
    seconds, spent = time.perf_counter() - begun, time.process_time() - cpu
    raw_seconds, raw_spent = await _raw(site)
    await pane.close()
    return [
        Row("cat of 50 MB in a pane", seconds, "s", raw_seconds, "raw client", raw_seconds * 1.5),
        Row("… processor time", spent, "CPU-s", raw_spent, "raw client"),
    ]


async def _echo(page: ShellsPage, site: Site) -> list[Row]:
    pane = await _open(page, "web-2")
    flood, end = Flood(pane), Heard(pane, _END)
    pane.send(f"cat {site.file}; echo d''one\n".encode())
    await flood.type_until(end)
    await pane.close()
    return [
        Row(
            f"a key during it until its echo is drawn, p50 of {len(flood.waits)}",
            quantile(flood.waits, 0.5) * 1000,
            "ms",
            promise=50,
        ),
        Row("… p99", quantile(flood.waits, 0.99) * 1000, "ms", promise=50),
    ]


async def _yes(page: ShellsPage) -> list[Row]:
    pane, waits = await _open(page, "web-3"), []
    for turn in range(5):
        pane.send(b"yes\n")
        await _until(lambda: pane.shown_text().endswith("y\ny"))
        await asyncio.sleep(0.5)
        begun = time.perf_counter()
        pane.send(f"\x03echo e''nd{turn}\n".encode())
        await _until(partial(_is_shown, pane, f"end{turn}"))
        waits.append(time.perf_counter() - begun)
    await pane.close()
    return [
        Row("yes: Ctrl-C until the next command has answered, the slowest of 5", max(waits) * 1000, "ms", promise=500)
    ]


async def _many(page: ShellsPage, site: Site) -> list[Row]:
    before = _rss_mb()
    panes = [await _open(page, host) for host in host_names(PANES)]
    idle = _rss_mb()
    ends = [Heard(pane, _END) for pane in panes]
    for pane in panes:
        pane.send(f"head -n {LINES} {site.file}; echo d''one\n".encode())
    await _until(lambda: all(end.is_there for end in ends))
    full = _rss_mb()
    return [
        Row(f"{PANES} panes: memory (RSS) of this process", idle, "MB", before, "without", 300),
        Row("… each with 40,000 lines written and 10,000 kept", full, "MB", before, "without", 500),
    ]


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _noise() -> list[Row]:
    """Feed random bytes and random sequences; whatever they are, a pane must be able to draw what stands there."""
    chance, core, fed, begun = random.Random(3), make_core(120, 40), 0, time.process_time()
    parts = [b"\x1b[", b"\x1b]", b"\x1bP", b"\x1b_", b";", b"?", b"1", b"48", b"m", b"h", b"l", b"H", b"J", b"\x07", b"\x1b\\", b"\xe4\xb8\xad", b"\xff", b"\r\n"]  # fmt: skip
    while fed < NOISE_BYTES:
        noise = b"".join(chance.choices(parts, k=20_000)) if chance.random() < 0.7 else chance.randbytes(65_536)
        core.feed(noise)
        fed += len(noise)
        core.rows(core.dirty_rows())
        core.take_replies()
        core.take_clipboard()
    spent = time.process_time() - begun
    core.close()
    return [Row("10 MB of random sequences, drawn every 64 KB", fed / spent / 1e6, "MB per CPU-s")]


async def _measure(site: Site) -> list[Row]:
    async with _dashboard(site, ONE_PANE) as page:
        rows = [*await _cat(page, site), *await _echo(page, site), *await _yes(page)]
    async with _dashboard(site, MANY_PANES) as page:
        return [*rows, *await _many(page, site)]


def run() -> Section:
    """Measure shells."""
    section = Section("Shells in the dashboard", _HOW)
    # Garbage is collected as in a dashboard of the command line.
    with tempfile.TemporaryDirectory() as folder, _site(Path(folder)) as site, drawing_collector():
        set_aside()
        section.rows += [*asyncio.run(_measure(site)), *_noise()]
    return section
