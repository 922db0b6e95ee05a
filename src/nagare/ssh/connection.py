"""Opens a connection to a host: its way from the person's own configuration, its key checked, its login asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from nagare.config.terminal import SshSettings
from nagare.errors import ConfigError, HostKeyError, StorageError
from nagare.lib.plain_text import plain
from nagare.ssh.asking import Asker
from nagare.ssh.by_server import ByServer
from nagare.ssh.faults import translating
from nagare.ssh.host_keys import Known, KnownHosts
from nagare.ssh.login import Login
from nagare.ssh.patience import Patience
from nagare.ssh.pipe import OpenPipe
from nagare.ssh.target import Target, parse_hops

_HOPS_LIMIT = 5
# Before the others, where the person's own configuration names none: a packet of it costs this process half of what one of the library's
# first choice does, and a flood is read that much faster.
_CIPHERS = "^aes256-gcm@openssh.com"
# What a connection may lead through.
Way = asyncssh.SSHClientConnection | ByServer


@dataclass(slots=True)
class Connection:
    """An open connection and those under it; closing it closes all."""

    top: asyncssh.SSHClientConnection
    below: list[asyncssh.SSHClientConnection]
    by_server: ByServer | None = None

    @property
    def why(self) -> str:
        """Why the server ended the way of this connection, empty where it did not."""
        return "" if self.by_server is None else self.by_server.why

    async def close(self) -> None:
        """Close from the top down; never raises for a connection that is lost already."""
        for connection in (self.top, *reversed(self.below)):
            connection.abort()
            await connection.wait_closed()
        if self.by_server is not None:
            await self.by_server.close()


class Connector:
    """Opens connections by one section of settings, asking one person."""

    def __init__(self, settings: SshSettings, asker: Asker, user: str = "", open_pipe: OpenPipe | None = None) -> None:
        """Keep them; nothing is read or opened. ``user`` is who the person asked for, before all that is written.

        ``open_pipe`` is the way by the server, and the only one that is gone where it is given.
        """
        self._settings = settings
        self._asker = asker
        self._user = user
        self._open_pipe = open_pipe
        # Whether anything answered at all, on whatever port.
        self.has_reached = False
        # What went wrong on the way and hindered nothing, for the person to read.
        self.notes: list[str] = []

    async def connect(self, target: Target) -> Connection:
        """Return a connection to ``target``, logged in.

        Raises HostKeyError, UnauthenticatedError, ConnectFailedError, DeadlineExceededError, ConfigError.
        """
        patience = Patience(self._settings.connect_seconds)
        async with AsyncExitStack() as stack, patience.running(f"open a shell on host {target.name}"):
            with translating(target.name):
                if self._open_pipe is not None:
                    # The server stands where the host can be reached: nobody else is on the way.
                    by_server = ByServer(target.name, self._open_pipe)
                    stack.push_async_callback(by_server.close)
                    made = Connection(await self._step(target, by_server, patience), [], by_server)
                else:
                    below = await self._below(target, patience, stack, depth=0)
                    made = Connection(await self._step(target, below[-1] if below else None, patience), below)
            stack.pop_all()
            return made
        raise AssertionError("unreachable")

    async def _below(
        self, target: Target, patience: Patience, stack: AsyncExitStack, depth: int
    ) -> list[asyncssh.SSHClientConnection]:
        """Open the hosts on the way to ``target``, each through the one before it."""
        options = await self._options(target)
        # The person's own word goes before the fleet's, also where it is that there is no way to go.
        own = options.config.get("ProxyJump", "none" if options.proxy_command else target.jump)
        jump = str(own or "")
        try:
            hops = parse_hops(jump)
        except ValueError as error:
            raise ConfigError(f"cannot find the way to host {target.name}: {error}") from error
        if len(hops) + depth > _HOPS_LIMIT:
            raise ConfigError(f"cannot find the way to host {target.name}: more than {_HOPS_LIMIT} hosts on it")
        opened: list[asyncssh.SSHClientConnection] = []
        for hop in hops:
            step = Target(hop.host, port=hop.port, user=hop.user, is_hop=True)
            if not opened:
                opened += await self._below(step, patience, stack, depth + len(hops))
            connection = await self._step(step, opened[-1] if opened else None, patience)
            stack.callback(connection.abort)
            opened.append(connection)
        return opened

    async def _options(self, target: Target, **more: object) -> asyncssh.SSHClientConnectionOptions:
        """Read what the person's own configuration says of a host; beside ``more`` it says the rest."""
        files = _config_files(self._settings)
        config = (await _construct(config=files, host=target.name, client_keys=None)).config
        user: object = target.user
        port: object = target.port
        if not target.is_hop:
            user = self._user or config.get("User") or user or self._settings.user
            port = config.get("Port") or port
        return await _construct(
            config=files,
            host=target.name,
            port=port or (),
            username=user or (),
            encryption_algs=() if config.get("Ciphers") else _CIPHERS,
            **(more or {"client_keys": None}),
        )

    async def _step(self, target: Target, tunnel: Way | None, patience: Patience) -> asyncssh.SSHClientConnection:
        """Open one connection; a host that nobody knows is asked about, then opened anew with its key known."""
        plan = await self._options(target)
        # What the person's own configuration says wins; the fleet's address stands in for a name that only it knows.
        is_placed = bool(target.address) and plan.host == target.name
        host, alias = (
            (target.address, plan.host_key_alias or target.name) if is_placed else (plan.host, plan.host_key_alias)
        )
        files = _known_files(plan, self._settings)
        book = KnownHosts(files, self._settings.host_authority_file)
        known = book.of(alias or host, plan.port)
        try:
            return await self._open(target, host, alias, known, tunnel, patience)
        except asyncssh.HostKeyNotVerifiable as error:
            key = known.new_key()
            if key is None or known.shown is None:
                raise known.refusal(files) from error
        except asyncssh.KeyExchangeFailed as error:
            if known.is_new or "host key" not in str(error):
                raise
            raise known.refusal(files) from error
        with patience.paused():
            is_trusted = await self._asker.trusts(key)
        if not is_trusted:
            raise HostKeyError(
                f"cannot trust host {known.host}: nobody knows its key {key.algorithm} {key.fingerprint}",
                hint="compare it on the host (ssh-keygen -lf), or name the authority that signs host keys: ssh.host_authority_file",
            )
        known.accepted.append(known.shown)
        connection = await self._open(target, host, alias, known, tunnel, patience)
        try:
            self._remember(book, known, known.shown)
        except BaseException:
            connection.abort()
            raise
        return connection

    def _note_reached(self) -> None:
        self.has_reached = True

    def _remember(self, book: KnownHosts, known: Known, key: asyncssh.SSHKey) -> None:
        try:
            book.remember(known.host, known.port, key)
        except StorageError as error:
            self.notes.append(error.message)

    async def _open(
        self,
        target: Target,
        host: str,
        alias: str | None,
        known: Known,
        tunnel: Way | None,
        patience: Patience,
    ) -> asyncssh.SSHClientConnection:
        login = Login(plain(target.name, 100), known, self._asker, patience, self._note_reached)
        settings = self._settings
        options = await self._options(
            target,
            client_factory=lambda: login,
            passphrase=_on_loop(login.passphrase),
            agent_path=() if settings.agent else None,
            known_hosts=known.lists,
            host_key_alias=alias,
            # Without an authority for it a certificate proves nothing: the host's bare key is asked for.
            server_host_key_algs=_bare_algorithms() if known.is_new else (),
            keepalive_interval=settings.keepalive_seconds,
            keepalive_count_max=settings.keepalive_misses,
            login_timeout=0,
            connect_timeout=None,
            agent_forwarding=False,
            x11_forwarding=False,
            command=None,
        )
        return await asyncssh.connect(host, known.port, options=options, config=None, tunnel=tunnel)


async def _construct(**options: object) -> asyncssh.SSHClientConnectionOptions:
    made: asyncssh.SSHClientConnectionOptions = await asyncssh.SSHClientConnectionOptions.construct(**options)
    return made


def _on_loop(ask: Callable[[str], Coroutine[None, None, str | None]]) -> Callable[[str], str | None]:
    """Return ``ask`` for the threads in which the library reads keys: for default keys it awaits nothing itself."""
    loop = asyncio.get_running_loop()
    return lambda filename: asyncio.run_coroutine_threadsafe(ask(filename), loop).result()


def _bare_algorithms() -> Sequence[str]:
    return [name.decode() for name in asyncssh.public_key.get_default_public_key_algs()]


def _config_files(settings: SshSettings) -> list[Path] | None:
    file = settings.config_file or Path("~/.ssh/config").expanduser()
    if settings.config_file is None and not file.is_file():
        return None
    return [file]


def _known_files(plan: asyncssh.SSHClientConnectionOptions, settings: SshSettings) -> Sequence[Path]:
    if settings.known_hosts_file is not None:
        return (settings.known_hosts_file,)
    named = plan.known_hosts
    files = [Path(name).expanduser() for name in named] if isinstance(named, list) and named else []
    return files or (Path("~/.ssh/known_hosts").expanduser(),)
