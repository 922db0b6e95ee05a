"""A real SSH server on loopback: asyncssh's own, with every way to log in, and a small program behind it."""

import asyncio
import os
import pty
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

PASSWORD = "correct horse"
CODE = "123456"
Program = Callable[[asyncssh.SSHServerProcess[bytes]], Awaitable[None]]


@dataclass(slots=True)
class Doors:
    """How the server lets somebody in; ``tried`` has every password that was tried, ``forwarded`` the ports it led on to."""

    password: bool = False
    code: bool = False
    keys: Sequence[asyncssh.SSHKey] = ()
    authority: asyncssh.SSHKey | None = None
    tried: list[str] = field(default_factory=list)
    forwarded: list[int] = field(default_factory=list)


class _Server(asyncssh.SSHServer):
    def __init__(self, doors: Doors, connections: list[asyncssh.SSHServerConnection]) -> None:
        self._doors = doors
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        self._doors.forwarded.append(dest_port)
        return True

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return self._doors.password

    def validate_password(self, username: str, password: str) -> bool:
        self._doors.tried.append(password)
        return password == PASSWORD

    def public_key_auth_supported(self) -> bool:
        return bool(self._doors.keys) or self._doors.authority is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key in self._doors.keys

    def validate_ca_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key == self._doors.authority

    def kbdint_auth_supported(self) -> bool:
        return self._doors.code

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> tuple[str, str, str, list]:
        return "Two steps", "look at your phone\x1b[31m", "", [("Code: ", True), ("PIN: ", False)]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        return list(responses) == [CODE, PASSWORD]


@dataclass(slots=True)
class SshServer:
    """A running server: where it is, its host key, and a way to end its connections as a crash would."""

    port: int
    host_key: asyncssh.SSHKey
    doors: Doors
    acceptor: asyncssh.SSHAcceptor
    connections: list[asyncssh.SSHServerConnection]

    def known_line(self, key: asyncssh.SSHKey | None = None) -> str:
        """Return the line of known_hosts for it."""
        return f"[127.0.0.1]:{self.port} {(key or self.host_key).export_public_key().decode().strip()}\n"

    def kill_connections(self) -> None:
        """Cut all connections without a word."""
        for connection in self.connections:
            connection.abort()


async def echo(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Write the window's size, then back what comes; ``quit N`` ends with that status."""
    columns, rows, _, _ = process.get_terminal_size()
    process.stdout.write(f"ready {columns}x{rows} {process.get_terminal_type()}\r\n".encode())
    line = b""
    while True:
        try:
            came = await process.stdin.read(1024)
        except asyncssh.TerminalSizeChanged as changed:
            process.stdout.write(f"size {changed.width}x{changed.height}\r\n".encode())
            continue
        if not came:
            process.exit(0)
            return
        process.stdout.write(came)
        line += came
        if b"\r" in line:
            words = line.split()
            line = b""
            if words[:1] == [b"quit"]:
                process.exit(int(words[1]))
                return


async def bash(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Run bash on a pseudo-terminal of its own."""
    columns, rows, _, _ = process.get_terminal_size()
    child, master = pty.fork()
    if child == 0:
        # A runner that was started in the background ignores it, and so would all that is run here.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.environ |= {"TERM": process.get_terminal_type() or "dumb", "PS1": "$ "}
        os.execvp("bash", ["bash", "--norc", "--noprofile"])
    await _carry(process, child, master, columns, rows)


async def _carry(process: asyncssh.SSHServerProcess[bytes], child: int, master: int, columns: int, rows: int) -> None:
    from tests.support.pty_screen import set_size

    set_size(master, columns, rows)

    async def write() -> None:
        while True:
            try:
                came = await process.stdin.read(65536)
            except asyncssh.TerminalSizeChanged as changed:
                set_size(master, changed.width, changed.height)
                continue
            except asyncssh.BreakReceived:
                continue
            if not came:
                return
            os.write(master, came)

    loop = asyncio.get_running_loop()
    writer = loop.create_task(write())
    with suppress(OSError):
        while came := await loop.run_in_executor(None, os.read, master, 65536):
            process.stdout.write(came)
            await process.stdout.drain()
    writer.cancel()
    os.close(master)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGHUP)
    _, status = await loop.run_in_executor(None, os.waitpid, child, 0)
    process.exit(os.waitstatus_to_exitcode(status) & 0xFF)


@asynccontextmanager
async def ssh_server(
    doors: Doors,
    *,
    program: Program = echo,
    host_key: asyncssh.SSHKey | None = None,
    host_certificate: asyncssh.SSHCertificate | None = None,
    port: int = 0,
    host: str = "127.0.0.1",
) -> AsyncIterator[SshServer]:
    """Serve until the end of the block."""
    key = host_key or asyncssh.generate_private_key("ssh-ed25519")
    connections: list[asyncssh.SSHServerConnection] = []

    def begin() -> asyncssh.SSHServer:
        return _Server(doors, connections)

    async with await asyncssh.listen(
        host,
        port,
        server_factory=begin,
        server_host_keys=[(key, host_certificate)] if host_certificate else [key],
        process_factory=program,
        encoding=None,
        line_editor=False,
        agent_forwarding=False,
    ) as acceptor:
        yield SshServer(acceptor.get_port(), key, doors, acceptor, connections)
        for connection in connections:
            connection.abort()
            await connection.wait_closed()


@contextmanager
def on_a_thread() -> Iterator[int]:
    """Run an SSH server that takes a password on a thread of its own, for tests that are not coroutines; yield its port."""
    loop, stop, begun, ports = asyncio.new_event_loop(), asyncio.Event(), threading.Event(), list[int]()

    async def serve() -> None:
        async with ssh_server(Doors(password=True)) as server:
            ports.append(server.port)
            begun.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert begun.wait(60)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def write_key(folder: Path, key: asyncssh.SSHKey, name: str = "id", passphrase: str | None = None) -> Path:
    """Write a key and its public part, as ssh-keygen does; return the private one's path."""
    path = folder / name
    key.write_private_key(str(path), passphrase=passphrase)
    path.chmod(0o600)
    key.write_public_key(f"{path}.pub")
    return path
