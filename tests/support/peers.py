"""Foreign metric stores and senders as child processes on ports of their own: VictoriaMetrics, vmagent, Prometheus."""

from __future__ import annotations

import json
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.processes import Process, started, wait_until


@dataclass(frozen=True, slots=True)
class Peer:
    """A running foreign program: its process and where it answers."""

    process: Process
    url: str

    def get(self, path: str, **query: str) -> bytes:
        """Return the body of the answer to a GET request."""
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
            body: bytes = answer.read()
            return body

    def post(self, path: str) -> bytes:
        """Return the body of the answer to a POST request without a body."""
        with urllib.request.urlopen(urllib.request.Request(self.url + path, method="POST"), timeout=300) as answer:
            body: bytes = answer.read()
            return body

    def ask(self, query: str, **more: str) -> list[dict[str, Any]]:
        """Return the result of an instant query of the Prometheus API."""
        found: list[dict[str, Any]] = json.loads(self.get("/api/v1/query", query=query, **more))["data"]["result"]
        return found

    def is_ready(self, path: str) -> bool:
        """Whether ``path`` is answered with 2xx."""
        try:
            self.get(path)
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def prometheus(
    binary: str, folder: Path, config: Mapping[str, Any] | None = None, arguments: Sequence[str] = ()
) -> Iterator[Peer]:
    """Run Prometheus over ``folder``; JSON is YAML, so ``config`` is written as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    path, port = folder / "prometheus.yml", free_port()
    path.write_text(json.dumps(config or {}))
    argv = [
        binary, f"--config.file={path}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn", *arguments,
    ]  # fmt: skip
    yield from _ready(argv, f"http://127.0.0.1:{port}", "/-/ready")


@contextmanager
def victoria(binary: str, folder: Path, arguments: Sequence[str] = ()) -> Iterator[Peer]:
    """Run VictoriaMetrics over ``folder``."""
    port = free_port()
    argv = [
        binary, f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=1y",
        "-loggerLevel=WARN", *arguments,
    ]  # fmt: skip
    yield from _ready(argv, f"http://127.0.0.1:{port}", "/health")


@contextmanager
def vmagent(binary: str, folder: Path, write_url: str, arguments: Sequence[str] = ()) -> Iterator[Peer]:
    """Run vmagent, which passes on to ``write_url`` what is pushed to it or what it scrapes."""
    port = free_port()
    argv = [
        binary, f"-remoteWrite.url={write_url}", f"-remoteWrite.tmpDataPath={folder}",
        f"-httpListenAddr=127.0.0.1:{port}", "-loggerLevel=WARN", *arguments,
    ]  # fmt: skip
    yield from _ready(argv, f"http://127.0.0.1:{port}", "/health")


def _ready(argv: Sequence[str], url: str, path: str) -> Iterator[Peer]:
    with started(argv) as process:
        peer = Peer(process, url)
        wait_until(lambda: peer.is_ready(path), f"a ready {Path(argv[0]).name}", process)
        yield peer


@contextmanager
def alertmanager(binary: str, folder: Path, config: Mapping[str, Any]) -> Iterator[Peer]:
    """Run Alertmanager over ``folder``, alone."""
    folder.mkdir(parents=True, exist_ok=True)
    path, port = folder / "alertmanager.yml", free_port()
    path.write_text(json.dumps(config))
    argv = [
        binary, f"--config.file={path}", f"--storage.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=", "--log.level=warn",
    ]  # fmt: skip
    yield from _ready(argv, f"http://127.0.0.1:{port}", "/-/ready")
