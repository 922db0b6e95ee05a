"""A real NATS server for tests, from a wheel: with JetStream in a folder of the test, alone or as a node of a cluster."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.frozen import freeze

PROGRAM = Path(sys.executable).parent / "nats-server"
_PATIENCE_SECONDS = 30.0


@dataclass
class NatsServer:
    """A server on ``port``, and its process while it is up."""

    folder: Path
    port: int
    more: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve, and return when connections are taken."""
        self.folder.mkdir(exist_ok=True)
        file = self._configure()
        self.process = subprocess.Popen([PROGRAM, "-c", file], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _takes_connections(self.port):
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.01)

    def reload(self) -> None:
        """Let it take up what ``more`` says by now."""
        assert self.process is not None
        self._configure()
        self.process.send_signal(signal.SIGHUP)

    def _configure(self) -> Path:
        file = self.folder / "nats.conf"
        lines = [f"listen: 127.0.0.1:{self.port}", f'log_file: "{self.folder}/log"', *self.more]
        store = f'jetstream {{ store_dir: "{self.folder}/js" }}'
        file.write_text(
            "\n".join([*lines, *([] if any("jetstream" in line for line in self.more) else [store])]) + "\n"
        )
        return file

    def kill(self) -> None:
        """End it as by kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def freeze(self) -> None:
        """Let it stand still with all its connections, as behind a cut cable."""
        assert self.process is not None
        freeze(self.process.pid)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def nats_server(folder: Path, more: Sequence[str] = ()) -> Iterator[NatsServer]:
    """Give a server that is up; it is ended afterwards."""
    (port,) = free_ports(1)
    server = NatsServer(folder, port, more)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def nats_cluster(folder: Path, size: int = 3) -> Iterator[list[NatsServer]]:
    """Give a cluster whose nodes are up; each can be killed and started again on its port and its files."""
    ports = free_ports(2 * size)
    clients, routes = ports[:size], ports[size:]
    peers = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
    with ExitStack() as stack:
        nodes = []
        for number in range(size):
            more = (
                f"server_name: n{number}",
                f"cluster {{ name: c, listen: 127.0.0.1:{routes[number]}, routes: [{peers}], no_advertise: true }}",
            )
            node = NatsServer(folder / f"n{number}", clients[number], more)
            stack.callback(node.kill)
            node.start()
            nodes.append(node)
        yield nodes


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _takes_connections(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.settimeout(1)
            return connection.recv(5) == b"INFO "
    except OSError:
        return False
