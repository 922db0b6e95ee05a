"""Real ``nagare`` processes for system tests: started on a free port over a fresh directory, and surely ended."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nagare.config.places import Places
from tests.support import warm
from tests.support.migrated import place_records

# Generous: coverage, two test processes and two cores shared with other work.
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
# What a process started may hold its streams open when it has ended itself, and say nothing more.
_REST_SECONDS = 5.0


def nagare_argv(*arguments: str | Path) -> list[str]:
    """Return the command line of ``nagare`` as this interpreter runs it."""
    return [sys.executable, "-m", "nagare.cli", *map(str, arguments)]


def child_environment(**more: str) -> dict[str, str]:
    """Return this process's environment, which the guards already cleaned, with ``more``."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", **more}


class EarlyEndError(AssertionError):
    """A process ended before it did what a test waits for."""


@dataclass
class Process:
    """A child whose output is kept as it comes, so that a failure can show it."""

    popen: subprocess.Popen[bytes]
    stderr: list[str] = field(default_factory=list)
    stdout: list[str] = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """The process id."""
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        """Whether it still lives."""
        return self.popen.poll() is None

    def said(self) -> str:
        """Return what it wrote so far; of one that has ended, all."""
        if not self.is_running:
            for reader in self.readers:
                reader.join(_REST_SECONDS)
        return "".join(self.stdout + self.stderr)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self.popen.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Return the exit status; fail with what it said when it does not end."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"pid {self.pid} did not end within {seconds} s; it said:\n{self.said()}") from None

    def stop(self) -> int:
        """Ask for a clean end and return the exit status."""
        if self.is_running:
            self.send(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.is_running:
            self.popen.kill()
        self.popen.wait(STOP_SECONDS)


def _keep(stream: Any, lines: list[str]) -> None:
    for line in stream:
        lines.append(line.decode(errors="replace"))  # noqa: PERF401  seen as they come, not at the end
    stream.close()


@contextmanager
def started(
    argv: Sequence[str],
    *,
    environment: dict[str, str] | None = None,
    cwd: Path | None = None,
    start: Callable[..., subprocess.Popen[bytes]] = warm.popen,
) -> Iterator[Process]:
    """Run ``argv`` in a session of its own; kill the whole session at the end, whatever happened.

    ``start``: ``subprocess.Popen`` for what is said of the start itself.
    """
    popen = start(
        argv,
        env=environment or child_environment(),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    process = Process(popen)
    process.readers += [
        threading.Thread(target=_keep, args=(stream, lines), daemon=True)
        for stream, lines in ((popen.stdout, process.stdout), (popen.stderr, process.stderr))
    ]
    for reader in process.readers:
        reader.start()
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait(STOP_SECONDS)
        for reader in process.readers:
            reader.join(STOP_SECONDS)


@dataclass(frozen=True)
class RunningServer:
    """A live server: where it is, its admin token, its files and its process."""

    url: str
    token: str
    data: Path
    process: Process

    def request(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """Return the JSON answer to a request with the admin token."""
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                said = error.read()
            refused = urllib.error.HTTPError(error.url, error.code, error.msg, error.headers, io.BytesIO(said))
            refused.add_note(said[:2000].decode(errors="replace"))
            raise refused from None
        return json.loads(content) if content else None

    def register(self, host: str) -> str:
        """Register ``host`` and return its token, the only kind that may ingest."""
        presented = {"name": host, "machine_id": f"machine-of-{host}", "version": "0.1.0"}
        token: str = self.request("/api/v1/hosts/register", presented)["token"]
        return token

    def sql(self, statement: str) -> list[list[Any]]:
        """Return the rows of a query."""
        rows: list[list[Any]] = self.request("/api/v1/sql", {"sql": statement})["rows"]
        return rows


def wait_until(condition: Any, what: str, process: Process | None = None, seconds: float = READY_SECONDS) -> Any:
    """Return the first true value of ``condition``; fail with what ``process`` said when it ends or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        if process is not None and not process.is_running:
            raise EarlyEndError(f"ended with {process.popen.returncode} before {what}; it said:\n{process.said()}")
        time.sleep(0.02)
    said = f"; it said:\n{process.said()}" if process is not None else ""
    raise AssertionError(f"no sign of {what} within {seconds} s{said}")


def _note_of(places: Places, pid: int | None) -> dict[str, Any] | None:
    try:
        note: dict[str, Any] = json.loads(places.server_note.read_bytes())
    except (OSError, ValueError):
        return None
    return note if pid is None or note["pid"] == pid else None


def wait_for_server(process: Process, data: Path, *, pid: int | None = None) -> RunningServer:
    """Return the server of ``data`` once it is ready."""
    places = Places(data)
    note = wait_until(lambda: _note_of(places, pid), "run/server.json", process)
    server = RunningServer(note["url"], places.token.read_text().strip(), data, process)
    wait_until(lambda: _is_ready(server.url), "a ready server", process)
    return server


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def serving(data: Path, *arguments: str, environment: dict[str, str] | None = None) -> Iterator[RunningServer]:
    """Run ``nagare serve`` on a free port over ``data``; records that are its own need not be migrated at its first start."""
    if "NAGARE_RECORDS__URL" not in (environment or {}):
        place_records(Places(data).records)
    argv = nagare_argv("--data", data, "serve", "--listen", "127.0.0.1:0", *arguments)
    with started(argv, environment=environment) as process:
        yield wait_for_server(process, data, pid=process.pid)


@contextmanager
def collecting(data: Path, *arguments: str, environment: dict[str, str] | None = None) -> Iterator[Process]:
    """Run ``nagare agent`` of the installation in ``data``."""
    with started(nagare_argv("--data", data, "agent", *arguments), environment=environment) as process:
        yield process
