"""The agent's connection for commands, ``/ws/agent``: kept while this host may run any, or still has results to tell.

It only carries frames: what runs, and what is true of it, is the executor's. A server that speaks no commands is asked seldom.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Self

from nagare.agent.enrolment import Enrolment, Machine
from nagare.agent.events import EventBox
from nagare.agent.executor.confinement import Hold
from nagare.agent.executor.executor import Executor
from nagare.agent.executor.host import read_standing
from nagare.agent.identity import Identity, IdentityFiles
from nagare.config.places import Places
from nagare.config.settings import CommandSettings
from nagare.errors import ConnectFailedError, NagareError
from nagare.lib.backoff import Backoff
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.lib.tasks import TaskSupervisor
from nagare.net.answer import Answer
from nagare.net.lean_socket import LeanSocket
from nagare.net.trust import Trust
from nagare.wire.commands import FRAME_LIMIT_BYTES, FromAgent, KeysOffered, decode_to_agent, encode_frame
from nagare.wire.signature import HEADER, SIGNED_AT, signed_link

log = logging.getLogger(__name__)

PATH = "/ws/agent"
_CONNECT_SECONDS = 15.0
# A host that may run nothing looks this often whether that changed; the uplink asks the server.
_UNWANTED_SECONDS = 5.0
_RETRY_CAP_SECONDS = 10.0
# A server that refuses, or knows no commands, will hardly do so otherwise a moment later.
_REFUSED_SECONDS = 60.0
# A connection that lasted this long was a success; a shorter one keeps the growing delay.
_STEADY_SECONDS = 5.0
_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Registered:
    """The way to the server, and what this host is there."""

    enrolment: Enrolment
    machine: Machine


class CommandLink:
    """``async with`` keeps the connection and runs what comes over it, until its end ends what runs."""

    def __init__(
        self,
        settings: CommandSettings,
        places: Places,
        files: IdentityFiles,
        registered: Registered,
        box: EventBox,
        clock: Clock,
    ) -> None:
        """Keep the parts; nothing is opened yet."""
        self._directory = places.agent_commands
        self._registered = registered
        self._clock = clock
        self._executor = Executor(settings, self._directory, lambda: read_standing(files), box, clock)
        self._is_open = False
        # Whether frames go to and fro.
        self.is_connected = False
        self._backoff = Backoff(base_seconds=0.5, cap_seconds=_RETRY_CAP_SECONDS)
        self._told = ""
        self._tasks = TaskSupervisor(clock=clock, stop_seconds=_STOP_SECONDS)

    async def __aenter__(self) -> Self:
        """Begin to keep the connection."""
        self._tasks.supervise("commands", self._run)
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Let the connection go, then end what runs; how it ended is told by the next start."""
        await self._tasks.stop()
        if self._is_open:
            await self._executor.__aexit__(*exception)

    async def wait_idle(self) -> None:
        """Return once no command runs or waits."""
        await self._executor.wait_idle()

    @property
    def counts(self) -> tuple[int, int]:
        """How many commands run, and how many wait."""
        return self._executor.counts

    @property
    def hold(self) -> Hold | None:
        """What confines programs, None before a command was looked at."""
        return self._executor.hold

    async def _run(self) -> None:
        while True:
            identity = self._wanted()
            if identity is None:
                await self._clock.sleep(_UNWANTED_SECONDS)
                continue
            await self._open()
            opened_at = self._clock.monotonic()
            delay = await self._converse(identity)
            if self._clock.monotonic() - opened_at >= _STEADY_SECONDS:
                self._backoff.reset()
            await self._clock.sleep(self._backoff.next_seconds(delay))

    def _wanted(self) -> Identity | None:
        """Return who to connect as, None while there is nothing to connect for."""
        identity = self._registered.enrolment.find_identity(self._registered.machine)
        if identity is None or not (identity.may_run_commands or self._directory.exists()):
            return None
        return identity

    async def _open(self) -> None:
        if not self._is_open:
            await self._executor.__aenter__()
            self._is_open = True

    async def _converse(self, identity: Identity) -> float | None:
        """Take frames until the connection ends; return how long to wait at least, None for as long as usual."""
        try:
            socket = await self._connect(identity)
            if isinstance(socket, Answer):
                self._tell(f"the server answered {socket.status}")
                return _REFUSED_SECONDS
            await self._take(socket)
        except (NagareError, TimeoutError) as error:
            # The uplink tells when the server is away; only what is new is said.
            self._tell(error.message if isinstance(error, NagareError) else "the server does not answer")
        return None

    async def _connect(self, identity: Identity) -> LeanSocket | Answer:
        target = self._registered.enrolment.find_target(identity.token)
        trust = Trust(target.ca_file, target.pin, target.next_pins)
        now_ms = self._clock.now_ms()
        # A token alone opens nothing: whoever copied it can read no secret and report no end.
        signature = self._registered.machine.key.sign(signed_link(PATH, identity.name, now_ms))
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await LeanSocket.connect(
                target.url,
                PATH,
                token=target.token,
                trust=trust,
                limit_bytes=FRAME_LIMIT_BYTES,
                headers={HEADER: signature, SIGNED_AT: str(now_ms)},
            )

    async def _take(self, socket: LeanSocket) -> None:
        try:
            log.info("commands_connected")
            self.is_connected = True
            self._told = ""
            await self._executor.attach(_Outbox(socket))
            while True:
                frame = decode_to_agent(await socket.receive())
                if isinstance(frame, KeysOffered):
                    self._registered.enrolment.learn_keys(frame.keys)
                else:
                    await self._executor.receive(frame)
        finally:
            self.is_connected = False
            self._executor.detach()
            await socket.close()

    def _tell(self, reason: str) -> None:
        if reason != self._told:
            log.info("commands_not_connected reason=%s", plain(reason, 300))
        self._told = reason


class _Outbox:
    """Sends frames over a socket; one that is gone is told as such, and the reader of the socket ends too."""

    def __init__(self, socket: LeanSocket) -> None:
        self._socket = socket

    async def send(self, frame: FromAgent) -> None:
        content = encode_frame(frame)
        if len(content) > FRAME_LIMIT_BYTES:
            raise ConnectFailedError(f"cannot send frame: {len(content)} bytes are more than any reader takes")
        await self._socket.send(content)
