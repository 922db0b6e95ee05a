"""Sends requests that were made beforehand over keep-alive connections, each as soon as the one before it is answered.

A process of its own with bare sockets, so that what is measured is the server. One lane is one connection: its requests
stay in order. Run as a program by ``flood``; nothing here knows what the bodies mean.
"""

from __future__ import annotations

import argparse
import json
import mmap
import socket
import sys
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support import warm

_INDEX = np.dtype([("offset", "i8"), ("length", "i8"), ("lane", "i4"), ("samples", "i4")])
# A server that refuses for as long as this is not overloaded but broken.
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """One body, the connection that it goes over, and how many samples it carries."""

    body: bytes
    lane: int
    samples: int


@dataclass(frozen=True, slots=True)
class Load:
    """Requests in a file, in the order in which they are sent."""

    folder: Path

    @classmethod
    def write(cls, folder: Path, requests: Iterable[Request]) -> Load:
        """Write the requests to ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        rows, offset = [], 0
        with (folder / "bodies").open("wb") as file:
            for request in requests:
                file.write(request.body)
                rows.append((offset, len(request.body), request.lane, request.samples))
                offset += len(request.body)
        np.save(folder / "index.npy", np.array(rows, _INDEX))
        return cls(folder)

    def index(self) -> NDArray[Any]:
        """Return a row for each request: offset, length, lane, samples."""
        rows: NDArray[Any] = np.load(self.folder / "index.npy")
        return rows


@dataclass(slots=True)
class Flooded:
    """What became of a flood. ``statuses`` counts every answer, those that were tried again as well."""

    samples: int = 0
    wall_seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    median_ms: float = 0.0
    p99_ms: float = 0.0
    said: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether every request was taken in the end."""
        return not self.said


def flood(
    load: Load,
    url: str,
    path: str,
    headers: Mapping[str, str],
    *,
    first: int = 0,
    last: int | None = None,
    rate: float = 0.0,
) -> Flooded:
    """Send the requests from ``first`` to before ``last`` in a process of its own; ``rate`` caps the samples a second."""
    argv = [sys.executable, "-m", "tests.support.flood", str(load.folder), url, path, json.dumps(dict(headers))]
    argv += [str(first), str(len(load.index()) if last is None else last), str(rate)]
    ended = warm.run(argv, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    if ended.returncode != 0:
        raise AssertionError(f"the sender ended with {ended.returncode}:\n{ended.stderr}")
    return Flooded(**json.loads(ended.stdout))


class Lane:
    """One connection and the requests that go over it."""

    def __init__(self, url: str, path: str, headers: Mapping[str, str]) -> None:
        where = urllib.parse.urlsplit(url)
        self._address = (where.hostname or "", where.port or 80)
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: {where.netloc}",
            *(f"{key}: {value}" for key, value in headers.items()),
        ]
        self._head = ("\r\n".join(lines) + "\r\nContent-Length: ").encode()
        self._socket: socket.socket | None = None
        self.statuses: Counter[str] = Counter()
        self.taken_ms: list[float] = []
        self.said = ""
        self.samples = 0
        # How long after its time the last request was answered, where a rate was asked for.
        self.late_seconds = 0.0

    def send(self, body: bytes, samples: int) -> None:
        """Send one body until it is taken; after a permanent refusal say so and go on."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            begun = time.perf_counter()
            status, text = self._post(body)
            self.statuses[str(status)] += 1
            if status < 300 and status != 0:
                self.taken_ms.append((time.perf_counter() - begun) * 1000)
                self.samples += samples
                return
            if 0 < status < 500 or time.monotonic() > deadline:
                self.said = self.said or f"{status}: {text[:300]}"
                return
            time.sleep(0.05)

    def _post(self, body: bytes) -> tuple[int, str]:
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, timeout=_PATIENCE_SECONDS)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
            return self._answer(self._socket)
        except OSError as error:
            self.close()
            return 0, str(error)

    def _answer(self, connection: socket.socket) -> tuple[int, str]:
        got = b""
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += self._more(connection)
        head = got[:end].lower()
        status, rest = int(head[9:12]), got[end + 4 :]
        where = head.find(b"content-length:")
        length = int(head[where + 15 :].split(b"\r\n", 1)[0]) if where >= 0 else 0
        while len(rest) < length:
            rest += self._more(connection)
        if b"connection: close" in head:
            self.close()
        return status, rest.decode(errors="replace")

    def _more(self, connection: socket.socket) -> bytes:
        if got := connection.recv(65536):
            return got
        raise ConnectionResetError("the server closed the connection")

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _run(lane: Lane, bodies: mmap.mmap, rows: NDArray[Any], due: NDArray[np.float64] | None, begun: float) -> None:
    for number, (offset, length, _, samples) in enumerate(rows.tolist()):
        if due is not None and (early := begun + due[number] - time.monotonic()) > 0:
            time.sleep(early)
        lane.send(bodies[offset : offset + length], samples)
    lane.close()


def _main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("folder", "url", "path", "headers"):
        parser.add_argument(name)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("rate", type=float)
    given = parser.parse_args()
    rows = Load(Path(given.folder)).index()[given.first : given.last]
    due = np.cumsum(rows["samples"]) / given.rate if given.rate else None
    with (Path(given.folder) / "bodies").open("rb") as file:
        bodies = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    numbers = np.unique(rows["lane"])
    lanes = [Lane(given.url, given.path, json.loads(given.headers)) for _ in numbers]
    begun = time.monotonic()
    threads = []
    for number, lane in zip(numbers, lanes, strict=True):
        mine = rows["lane"] == number
        arguments = (lane, bodies, rows[mine], None if due is None else due[mine], begun)
        threads.append(threading.Thread(target=_run, args=arguments))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(asdict(_sum(lanes, time.monotonic() - begun))))


def _sum(lanes: list[Lane], seconds: float) -> Flooded:
    taken = [value for lane in lanes for value in lane.taken_ms] or [0.0]
    statuses: Counter[str] = Counter()
    for lane in lanes:
        statuses += lane.statuses
    return Flooded(
        samples=sum(lane.samples for lane in lanes),
        wall_seconds=seconds,
        statuses=dict(statuses),
        median_ms=float(np.median(taken)),
        p99_ms=float(np.quantile(taken, 0.99)),
        said=next((lane.said for lane in lanes if lane.said), ""),
    )


if __name__ == "__main__":
    _main()
