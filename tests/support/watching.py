"""People who look on while a server works: its health and a dashboard's statements, asked at a steady pace."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from tests.support.family import stat_fields
from tests.support.processes import RunningServer

# One panel each: a counter's rate of one host, a gauge of one host, one metric by host now, and the newest of a host.
DASHBOARD = (
    """SELECT time_bucket(INTERVAL '10 seconds', ts) AS t, avg(value) FROM samples WHERE name = 'node_load1'
    AND host = 'node-0007' AND ts > now() - INTERVAL '5 minutes' GROUP BY 1 ORDER BY 1""",
    """SELECT max(value) - min(value) FROM samples WHERE name = 'node_context_switches_total'
    AND host = 'node-0011' AND ts > now() - INTERVAL '1 minute'""",
    "SELECT host, value FROM samples_last WHERE name = 'node_load1' ORDER BY value DESC LIMIT 20",
    "SELECT name, value FROM samples_last WHERE host = 'node-0003'",
)


@dataclass(slots=True)
class Seen:
    """How long answers took, in milliseconds, what was refused, and the memory of the server's process."""

    health_ms: list[float] = field(default_factory=list)
    query_ms: list[float] = field(default_factory=list)
    rss_bytes: int = 0
    refused: list[str] = field(default_factory=list)

    def p99(self, what: str) -> float:
        """Return the 99th percentile of ``health`` or ``query``."""
        return float(np.quantile(getattr(self, f"{what}_ms") or [0.0], 0.99))


class _Asker:
    """One connection that asks at a pace and notes how long each answer took."""

    def __init__(self, server: RunningServer, seen: Seen) -> None:
        self._where = urllib.parse.urlsplit(server.url).netloc
        self._headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
        self._seen = seen
        self._connection = http.client.HTTPConnection(self._where, timeout=60)

    def __enter__(self) -> Self:
        """Ask as soon as one likes; the connection opens by itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the connection."""
        self._connection.close()

    def ask(self, path: str, body: str | None = None) -> float:
        begun = time.perf_counter()
        try:
            self._connection.request("POST" if body else "GET", path, body, self._headers)
            answer = self._connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                self._seen.refused.append(f"{path}: {answer.status} {said[:200]!r}")
        except OSError as error:
            self._seen.refused.append(f"{path}: {error}")
            self._connection.close()
        return (time.perf_counter() - begun) * 1000


def _health(server: RunningServer, seen: Seen, stop: threading.Event, pause: float) -> None:
    with _Asker(server, seen) as asker:
        while not stop.wait(pause):
            seen.health_ms.append(asker.ask("/health"))
            pages = int(stat_fields(server.process.pid)[21])
            seen.rss_bytes = max(seen.rss_bytes, pages * 4096)


def _dashboard(server: RunningServer, seen: Seen, stop: threading.Event, pause: float, panels: Sequence[str]) -> None:
    turn = 0
    with _Asker(server, seen) as asker:
        while not stop.wait(pause):
            body = json.dumps({"sql": panels[turn % len(panels)]})
            seen.query_ms.append(asker.ask("/api/v1/sql", body))
            turn += 1


@contextmanager
def watched(
    server: RunningServer, *, health_pause: float = 0.1, query_pause: float = 0.25, panels: Sequence[str] = DASHBOARD
) -> Iterator[Seen]:
    """Look on while the block runs."""
    seen, stop = Seen(), threading.Event()
    threads = [
        threading.Thread(target=_health, args=(server, seen, stop, health_pause)),
        threading.Thread(target=_dashboard, args=(server, seen, stop, query_pause, panels)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()
