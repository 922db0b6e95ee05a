"""The machine that is recorded: services at work, a real server, and a real agent that looks at them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tests.support.processes import RunningServer, nagare_argv, serving, started, wait_until

_PROGRAMS = Path(__file__).with_name("programs.py")
MIB = 2**20


@dataclass(frozen=True)
class _Service:
    port: int
    size_bytes: int
    cores: float
    written_per_second: int


_SERVICES = {
    name: _Service(20_000 + place, size * MIB, cores, written)
    for place, (name, size, cores, written) in enumerate(
        (
            ("authd", 60, 0.01, 2_000), ("webd", 44, 0.02, 20_000), ("based", 96, 0.02, 80_000), ("cached", 72, 0.01, 0),
            ("maild", 20, 0.005, 5_000), ("searchd", 84, 0.015, 10_000), ("logd", 16, 0.005, 30_000),
            ("crond", 12, 0.0, 0), ("timed", 12, 0.0, 0), ("queryd", 52, 0.01, 10_000), ("proxyd", 28, 0.01, 0),
            ("keyd", 14, 0.0, 0),
        )
    )
}  # fmt: skip


@dataclass
class Box:
    """The machine. What it starts ends with it."""

    folder: Path
    host: str
    server: RunningServer
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    # The service that a probe looks at.
    PROBED: ClassVar[str] = "authd"

    @property
    def data(self) -> Path:
        """Where a file system of its own may be mounted."""
        return self.folder / "data"

    def start(self, name: str, *arguments: object) -> None:
        """Start a program of ``programs.py`` under ``name``."""
        link = self.folder / name
        if not link.exists():
            link.symlink_to(Path(sys.executable).resolve())
        argv = [str(link), str(_PROGRAMS), *map(str, arguments)]
        self.processes[name] = subprocess.Popen(argv, start_new_session=True)

    def start_service(self, name: str) -> None:
        """Start one of the services."""
        service = _SERVICES[name]
        self.start(
            name, "serve", service.port, service.size_bytes, service.cores, service.written_per_second,
            self.folder / f"{name}.written",
        )  # fmt: skip

    def end(self, name: str, number: signal.Signals) -> None:
        """Let a program end by a signal."""
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait(30)

    def close(self) -> None:
        """End everything."""
        for process in self.processes.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)

    def rows(self, statement: str) -> tuple[list[str], list[list[Any]]]:
        """Return the columns and rows of a query."""
        reply = self.server.request("/api/v1/sql", {"sql": statement, "limit": 100_000})
        return [column["name"] for column in reply["columns"]], reply["rows"]


@contextmanager
def box(folder: Path, host: str, interval_seconds: float) -> Iterator[Box]:
    """Run server, agent and services in ``folder``."""
    settings = folder / "nagare.toml"
    port = _SERVICES[Box.PROBED].port
    settings.write_text(
        f'[agent]\nname = "{host}"\ninterval_seconds = {interval_seconds}\n'
        f'[[agent.probes]]\nkind = "tcp"\ntarget = "127.0.0.1:{port}"\n'
    )
    installation = folder / "installation"
    agent_argv = nagare_argv("--config", settings, "--data", installation, "agent")
    with serving(installation) as server:
        made = Box(folder, host, server)
        try:
            for name in _SERVICES:
                made.start_service(name)
            with started(agent_argv) as agent:
                wait_until(lambda: made.rows("SELECT ts FROM load LIMIT 1")[1], "the first row", agent)
                yield made
        finally:
            made.close()


def wait(seconds: float) -> None:
    """Let time pass on the machine: there is nothing to wait for but that."""
    time.sleep(seconds)
