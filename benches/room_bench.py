"""The operations room: ``nagare top`` on a pseudo-terminal before a thousand hosts that report every second, and two thousand alerts.

The server is real but for the agents' requests (``room.feeder``). Processor time is that of the dashboard's process.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benches.cost import cost_of
from benches.paint_bench import BARE_APP
from benches.report import Row, Section
from benches.room.feeder import host_name
from benches.room.link import far
from nagare.config.places import Places
from tests.support.processes import child_environment, nagare_argv
from tests.support.pty_screen import PtyScreen, on_pty

HOSTS, ALERTS = 1000, 2000
TIMES, SECONDS, SETTLE_SECONDS = 5, 15.0, 30.0
SCREENS = {
    "hosts": ("hosts", "● up"),
    "alerts": ("alerts", "Load"),
    "overview": ("overview", "● up"),
    "a host with charts of 24 h": (f"hosts/{host_name(0)}?t=24h", "by minutes"),
}
# Two hours of reports, each 5 s, forty times as fast.
FAST_TICKS, FAST_INTERVAL_MS, FAST_RATE = 1440, 5000, 40
_WARM_TICKS = 240
_ROUND_TRIP_SECONDS = 0.1


@dataclass
class Room:
    """A feeder that runs."""

    popen: subprocess.Popen[str]
    data: Path
    environment: dict[str, str]
    url: str = ""

    def say(self, line: str) -> None:
        """Have the feeder do something, and wait until it does (a fast run: until it is over)."""
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write(f"{line}\n")
        self.popen.stdin.flush()
        self.popen.stdout.readline()

    def argv(self, location: str) -> list[str]:
        """Return the command line of the dashboard."""
        return nagare_argv("--data", self.data, "top", location)


@contextmanager
def room(folder: Path, hosts: int = HOSTS, alerts: int = ALERTS) -> Iterator[Room]:
    """Run a feeder over a fresh directory."""
    argv = [sys.executable, "-m", "benches.room.feeder", str(folder / "data"), str(hosts), str(alerts)]
    environment = child_environment(HOME=str(folder))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as popen:
        opened = Room(popen, folder / "data", environment)
        assert popen.stdin is not None
        assert popen.stdout is not None
        opened.url = popen.stdout.readline().split()[-1]
        try:
            yield opened
        finally:
            popen.stdin.close()


def _paint(argv: Sequence[str], words: Sequence[str], environment: dict[str, str]) -> list[float]:
    """Return the milliseconds until the screen shows each of ``words``: the median of the faster half."""
    runs = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        with on_pty(argv, 120, 40, environment=environment) as screen:
            seen = []
            for word in words:
                screen.wait_for(word, 60)
                seen.append((time.perf_counter() - begun) * 1000)
            runs.append(seen)
    return [statistics.median(sorted(column)[: (TIMES + 1) // 2]) for column in zip(*runs, strict=True)]


def _share(screen: PtyScreen) -> tuple[float, float, float]:
    """Return the share of a core (percent), the bytes a second to the terminal and the memory (MB), after it has settled."""
    time.sleep(SETTLE_SECONDS)
    before, written, begun = cost_of(screen.popen.pid), screen.bytes_read, time.monotonic()
    time.sleep(SECONDS)
    after, seconds = cost_of(screen.popen.pid), time.monotonic() - begun
    share = (after.cpu_seconds - before.cpu_seconds) / seconds * 100
    return share, (screen.bytes_read - written) / seconds, after.rss_bytes / 1e6


def _reader_share(opened: Room) -> float:
    """Return the share of a core of a client that reads the same and shows nothing."""
    argv = [sys.executable, "-m", "benches.room.reader", opened.url]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True, env=opened.environment) as popen:
        assert popen.stdin is not None
        popen.stdin.write(Places(opened.data).token.read_text() + "\n")
        popen.stdin.close()
        time.sleep(SETTLE_SECONDS)
        before, begun = cost_of(popen.pid).cpu_seconds, time.monotonic()
        time.sleep(SECONDS)
        share = (cost_of(popen.pid).cpu_seconds - before) / (time.monotonic() - begun) * 100
        popen.kill()
    return share


def live_rows(opened: Room, hertz: float, *, wants: Sequence[str] = tuple(SCREENS)) -> list[Row]:
    """Return what each screen costs while every host reports so often a second."""
    opened.say(f"live {hertz}")
    told = f"each {1 / hertz:g} s" if hertz < 1 else "each second"
    beside = _reader_share(opened)
    rows = []
    for name in wants:
        location, word = SCREENS[name]
        with on_pty(opened.argv(location), 120, 40, environment=opened.environment) as screen:
            screen.wait_for(word, 60)
            share, written, memory = _share(screen)
        rows += [
            Row(f"{name}, reports {told}: processor time", share, "% of a core", beside, "reads the same, shows nothing", 5),
            Row("… to the terminal", written / 1000, "kB/s"),
            Row("… memory (RSS)", memory, "MB"),
        ]  # fmt: skip
    return rows


def paint_rows(opened: Room) -> list[Row]:
    """Return how long a first look takes."""
    opened.say("live 0.2")
    (bare,) = _paint([sys.executable, "-c", BARE_APP], ["a bare screen"], opened.environment)
    first, page, rows = _paint(opened.argv("hosts"), ["nagare", "live 15m", "● up"], opened.environment)
    return [
        Row("first frame", first, "ms", bare, "bare Textual app", 400),
        Row("the list of hosts stands", page, "ms", bare, "bare Textual app"),
        Row("rows of a thousand hosts stand in it", rows, "ms", bare, "bare Textual app"),
    ]


def far_rows(opened: Room) -> list[Row]:
    """Return the same over a link of 100 ms."""
    opened.say("live 0.2")
    with far(urlsplit(opened.url).port or 0, _ROUND_TRIP_SECONDS) as port:
        token = opened.data.parent / "token"
        token.write_text(Places(opened.data).token.read_text())
        token.chmod(0o600)
        environment = {
            **opened.environment,
            "NAGARE_CLIENT__SERVER": f"http://127.0.0.1:{port}",
            "NAGARE_CLIENT__TOKEN_FILE": str(token),
        }
        rows = _paint(opened.argv("hosts"), ["nagare", "● up"], environment)
    return [
        Row("over a link of 100 ms: first frame", rows[0], "ms", promise=400),
        Row("… rows of a thousand hosts stand", rows[1], "ms"),
    ]


def memory_rows(opened: Room) -> list[Row]:
    """Return the memory after two hours of reports, beside that after the first twenty minutes: histories are full then."""
    opened.say("still")
    origin_ms = time.time_ns() // 1_000_000 + 20_000
    argv = [sys.executable, "-m", "benches.room.fast_top", str(opened.data), str(origin_ms), str(FAST_RATE), "hosts"]
    held = []
    with on_pty(argv, 120, 40, environment=opened.environment) as screen:
        screen.wait_for(host_name(2), 60)
        for first, end in ((0, _WARM_TICKS), (_WARM_TICKS, FAST_TICKS)):
            opened.say(f"fast {FAST_RATE} {FAST_INTERVAL_MS} {origin_ms} {first} {end}")
            held.append(cost_of(screen.popen.pid).rss_bytes / 1e6)
    name = f"after {_WARM_TICKS} reports of each host"
    return [
        Row(
            f"memory (RSS) after {FAST_TICKS} reports of each host, two hours of them",
            held[1], "MB", held[0], name, held[0] * 1.1,
        )
    ]  # fmt: skip


def run() -> Section:
    """Measure the room."""
    section = Section("The operations room", " ".join((__doc__ or "").partition("\n\n")[2].split()))
    with tempfile.TemporaryDirectory() as folder, room(Path(folder)) as opened:
        section.rows += [*paint_rows(opened), *far_rows(opened), *live_rows(opened, 0.2), *live_rows(opened, 1.0)]
        section.rows += memory_rows(opened)
    return section
