"""A fleet that sends at one rate for as long as it is told: remote write as a large Prometheus would, in a process of its own.

Requests are made while they are due, so that hours of them need no disk. A request that is refused is sent again; one
that comes late delays the next, and how late the last one was is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support import warm
from tests.support.flood import Lane
from tests.support.node_samples import KINDS, series_of, values_of
from tests.support.write_layout import HEADERS, Layout, encode_labels, lay_out, pack

# Values come again after so many ticks; 12,000 series of them are 25 MB.
_VALUES = 256
LANES = 5


@dataclass(frozen=True, slots=True)
class Steady:
    """What was sent: samples that were acknowledged, over how long, and how late the last request left."""

    samples: int
    seconds: float
    late_seconds: float
    statuses: dict[str, int]
    p99_ms: float
    said: str


class Sender:
    """The process that sends; ``result`` waits for its end."""

    def __init__(self, url: str, token: str, *, hosts: int, rate: float, seconds: float) -> None:
        """Send ``rate`` samples a second of ``hosts`` times 60 series for ``seconds``."""
        given = json.dumps({"url": url, "hosts": hosts, "rate": rate, "seconds": seconds})
        self.process = warm.popen(
            [sys.executable, "-m", "tests.support.steady"],
            cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(f"{given}\n{token}\n")
        self.process.stdin.close()

    def result(self) -> Steady:
        """Return what was sent. Raises AssertionError when the process failed."""
        assert self.process.stdout is not None
        said = self.process.stdout.read()
        if self.process.wait():
            raise AssertionError(f"the sender ended with {self.process.returncode}")
        return Steady(**json.loads(said))

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def _run(lane: Lane, layout: Layout, values: NDArray[np.float64], tick_seconds: float, ticks: int, begun: Any) -> None:
    start, start_ms = begun
    for tick in range(ticks):
        if (early := start + tick * tick_seconds - time.monotonic()) > 0:
            time.sleep(early)
        times = np.full(values.shape[1], start_ms + round(tick * tick_seconds * 1000))
        lane.send(pack(layout.fill(values[tick % len(values)], times)), values.shape[1])
        lane.late_seconds = max(0.0, time.monotonic() - start - (tick + 1) * tick_seconds)
    lane.close()


def _main() -> None:
    given, token = json.loads(sys.stdin.readline()), sys.stdin.readline().strip()
    hosts = given["hosts"]
    tick_seconds = hosts * len(KINDS) / given["rate"]
    headers = {**HEADERS, "Authorization": f"Bearer {token}"}
    lanes, work = [Lane(given["url"], "/api/v1/write", headers) for _ in range(LANES)], []
    for part in np.array_split(np.arange(hosts), LANES):
        series = [one for host in part for one in series_of(int(host))]
        layout = Layout([lay_out(encode_labels(one)) for one in series])
        work.append((layout, np.concatenate([values_of(int(host), _VALUES) for host in part]).T.copy()))
    begun = time.monotonic(), time.time_ns() // 1_000_000
    ticks = round(given["seconds"] / tick_seconds)
    threads = [
        threading.Thread(target=_run, args=(lane, layout, values, tick_seconds, ticks, begun))
        for lane, (layout, values) in zip(lanes, work, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses: Counter[str] = Counter()
    for lane in lanes:
        statuses += lane.statuses
    taken = [value for lane in lanes for value in lane.taken_ms] or [0.0]
    said = next((lane.said for lane in lanes if lane.said), "")
    sent = Steady(
        sum(lane.samples for lane in lanes), time.monotonic() - begun[0], max(lane.late_seconds for lane in lanes),
        dict(statuses), float(np.quantile(taken, 0.99)), said,
    )  # fmt: skip
    print(json.dumps(asdict(sent)))


if __name__ == "__main__":
    _main()
