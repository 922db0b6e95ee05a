"""The stores that are measured: ours and its peers, each fresh, alone and with its usual settings."""

from __future__ import annotations

import json
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benches.cost import cpu_of
from tests.support.node_samples import KINDS
from tests.support.peers import Peer, prometheus, victoria
from tests.support.processes import RunningServer, child_environment, serving

# Idle is: less than this CPU time in so long a time; a store that never rests is measured after the longest wait.
_IDLE_CPU_SECONDS, _IDLE_SECONDS, _LONGEST_SECONDS = 0.03, 2.0, 60.0
_HOUSEKEEPING_SECONDS = 75.0
_VISIBLE_TRIES = 30
# Rest before a flush that is still to come is no end of the work.
_FLUSH_SECONDS = 5
_DUE_SECONDS = _FLUSH_SECONDS + 2.0


@dataclass(frozen=True, slots=True)
class Target:
    """A running store: where each protocol goes, how many samples it holds, and its disk after compaction."""

    name: str
    url: str
    pid: int
    paths: Mapping[str, str]
    headers: Mapping[str, str]
    count: Callable[[], int]
    compact: Callable[[], int]

    def get(self, path: str, **query: str) -> bytes:
        """Return the body of the answer to a GET request."""
        request = urllib.request.Request(
            f"{self.url}{path}?{urllib.parse.urlencode(query)}", headers=dict(self.headers)
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            body: bytes = answer.read()
            return body

    def settle(self) -> None:
        """Wait until background work has ended."""
        time.sleep(_DUE_SECONDS)
        deadline = time.monotonic() + _LONGEST_SECONDS
        before = cpu_of(self.pid)
        while time.monotonic() < deadline:
            time.sleep(_IDLE_SECONDS)
            now = cpu_of(self.pid)
            if now - before < _IDLE_CPU_SECONDS:
                return
            before = now


Start = Callable[[Path], AbstractContextManager[Target]]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def nagare_at(folder: Path) -> Iterator[tuple[Target, RunningServer]]:
    """Run our own server over ``folder/data``."""
    paths = {"write": "/api/v1/write", "influx": "/write?precision=ms", "otlp": "/api/v1/otlp/v1/metrics"}
    # A flush is part of the work: it comes soon after the flood instead of minutes later.
    environment = child_environment(HOME=str(folder), NAGARE_STORAGE__FLUSH_SECONDS=str(_FLUSH_SECONDS))
    with serving(folder / "data", environment=environment) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        yield (
            Target(
                "nagare",
                server.url,
                server.process.pid,
                paths,
                headers,
                lambda: _our_count(server),
                lambda: _our_blocks(server),
            ),
            server,
        )


@contextmanager
def nagare(folder: Path) -> Iterator[Target]:
    """Run our own server."""
    with nagare_at(folder) as (target, _):
        yield target


def _our_count(server: RunningServer) -> int:
    # What OTLP says of a resource becomes a series of its own, which nobody sent.
    found = int(server.sql("SELECT count(*) FROM samples WHERE name <> 'target_info'")[0][0])
    # The line protocol keeps its shape: a value of each field is what others call a sample.
    for table in server.request("/api/v1/tables"):
        name = table["name"]
        if name.startswith("influx.") and not name.endswith(("_1m", "_1h")):
            fields = [column["name"] for column in table["columns"] if column["kind"] in ("gauge", "counter")]
            counts = ", ".join(f'count("{field}")' for field in fields)
            found += sum(server.sql(f'SELECT {counts} FROM "{name}"')[0]) if fields else 0
    return found


def _our_blocks(server: RunningServer) -> int:
    # Housekeeping merges once a minute; rollups are further answers, not the samples.
    time.sleep(_HOUSEKEEPING_SECONDS)
    return sum(_size(server.data / "metrics" / name) for name in ("samples", "series"))


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[Target]:
    """Run VictoriaMetrics."""
    with victoria(shutil.which("victoria-metrics") or "", folder, ["-search.latencyOffset=0s"]) as peer:
        paths = {"write": "/api/v1/write", "influx": "/write?precision=ms"}
        yield Target(
            "VictoriaMetrics",
            peer.url,
            peer.process.pid,
            paths,
            {},
            lambda: _their_count(peer),
            lambda: _their_parts(peer, folder),
        )


def _their_count(peer: Peer) -> int:
    # What came last becomes visible to queries only now, and not all of it at once.
    before = -1
    for _ in range(_VISIBLE_TRIES):
        peer.get("/internal/force_flush")
        found = _count(peer) or _count_lines(peer)
        if found and found == before:
            break
        before = found
        time.sleep(1)
    return before


def _their_parts(peer: Peer, folder: Path) -> int:
    peer.get("/internal/force_flush")
    peer.get("/internal/force_merge")
    time.sleep(2)
    return _size(folder / "data")


@contextmanager
def prometheus_server(folder: Path) -> Iterator[Target]:
    """Run Prometheus as a receiver of remote write."""
    arguments = ["--web.enable-remote-write-receiver", "--web.enable-admin-api", "--storage.tsdb.retention.time=1y"]
    with prometheus(shutil.which("prometheus") or "", folder, arguments=arguments) as peer:
        paths = {"write": "/api/v1/write"}
        yield Target(
            "Prometheus",
            peer.url,
            peer.process.pid,
            paths,
            {},
            lambda: _count(peer),
            lambda: _their_snapshot(peer, folder),
        )


def _their_snapshot(peer: Peer, folder: Path) -> int:
    # A snapshot writes the head as the block that compaction would make of it hours later.
    name = json.loads(peer.post("/api/v1/admin/tsdb/snapshot"))["data"]["name"]
    return _size(folder / "tsdb" / "snapshots" / name)


def _count_lines(peer: Peer) -> int:
    # By the line protocol the names are others, and this store's own word keeps them apart.
    asked = 'sum(count_over_time({__name__!=""}[3d]) keep_metric_names)'
    result = peer.ask(asked, time=str(int(time.time()) + 5), nocache="1")
    return int(result[0]["value"][1]) if result else 0


def _count(peer: Peer) -> int:
    # Name by name: a function drops the name, and what is equal without it cannot stand in one answer.
    found = [
        peer.ask(f"sum(count_over_time({name}[3d]))", time=str(int(time.time()) + 5), nocache="1")
        for name in sorted({kind.name for kind in KINDS})
    ]
    return sum(int(result[0]["value"][1]) for result in found if result)


def present() -> dict[str, Start]:
    """Return how to start each store that this machine has, ours first."""
    peers: dict[str, tuple[str, Start]] = {
        "VictoriaMetrics": ("victoria-metrics", victoria_metrics),
        "Prometheus": ("prometheus", prometheus_server),
    }
    return {"nagare": nagare} | {name: start for name, (program, start) in peers.items() if shutil.which(program)}
