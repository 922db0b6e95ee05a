"""Says how this agent stands, in a file beside its spool: for whoever asks on this host, also while the server is away.

The thread that owns the spool writes it: a disk that hangs leaves it old, and its age says so. It promises nothing after a
crash but that it is whole; who reads it looks at the lock of the spool to know whether the agent lives.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

from nagare import __version__
from nagare.agent.command_link import CommandLink
from nagare.agent.identity import IdentityFiles
from nagare.agent.uplink import Uplink
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.lib.atomic_file import write_atomic
from nagare.lib.clock import Clock
from nagare.wire.agent_status import AGENT_STATUS_VERSION, AgentStatus, CommandsStatus, QueueStatus, SentStatus
from nagare.wire.codec import encode

log = logging.getLogger(__name__)

# Seldom enough to cost nothing, often enough for whoever waits for a queue to shrink.
_LEAST_SECONDS, _MOST_SECONDS = 1.0, 10.0


@dataclass(frozen=True, slots=True)
class Subjects:
    """Whose standing is told."""

    uplink: Uplink
    commands: CommandLink
    files: IdentityFiles


class StatusFile:
    """The file of one agent. ``run`` writes until cancelled; ``end`` says that it ended well."""

    def __init__(self, settings: Settings, subjects: Subjects, clock: Clock) -> None:
        """Keep the parts; nothing is written yet."""
        self._path = Places(settings.data).agent_status
        self._policy = str(settings.commands.policy)
        self._every_seconds = min(max(settings.agent.interval_seconds, _LEAST_SECONDS), _MOST_SECONDS)
        self._subjects = subjects
        self._clock = clock
        self._started_ms = clock.now_ms()

    async def run(self) -> None:
        """Write how it stands, again and again."""
        while True:
            await self._write(None)
            await self._clock.sleep(self._every_seconds)

    async def end(self) -> None:
        """Write how it stood at its end."""
        await self._write(self._clock.now_ms())

    async def _write(self, ended_ms: int | None) -> None:
        uplink = self._subjects.uplink
        is_granted = await uplink.beside_spool(self._is_granted)
        await uplink.beside_spool(self._save, self._status(ended_ms, is_granted=is_granted))

    def _is_granted(self) -> bool:
        identity = self._subjects.files.load()
        return identity is not None and identity.may_run_commands

    def _save(self, status: AgentStatus) -> None:
        try:
            write_atomic(self._path, encode(status), durable=False)
        except OSError as error:
            # A disk that is full is told by the uplink; the file that is there grows old, which is true.
            log.debug("status_not_written reason=%s", error.strerror)

    def _status(self, ended_ms: int | None, *, is_granted: bool) -> AgentStatus:
        uplink = self._subjects.uplink
        totals, last = uplink.totals(), uplink.last
        return AgentStatus(
            v=AGENT_STATUS_VERSION,
            at_ms=self._clock.now_ms(),
            every_seconds=self._every_seconds,
            pid=os.getpid(),
            version=__version__,
            host=uplink.host,
            server=uplink.server,
            started_ms=self._started_ms,
            ended_ms=ended_ms,
            connection={True: "up", False: "down", None: "trying"}[totals.is_up],
            last_sent_ms=last.sent_ms,
            last_error=last.error,
            last_error_ms=last.error_ms,
            queue=QueueStatus(
                totals.spool_batches, totals.spool_bytes, totals.spool_limit_bytes, totals.spool_oldest_seconds
            ),
            since_start=SentStatus(
                totals.sent, totals.resent, totals.thinned, totals.dropped, totals.damaged, totals.failures
            ),
            commands=self._commands_status(is_granted=is_granted),
        )

    def _commands_status(self, *, is_granted: bool) -> CommandsStatus:
        commands = self._subjects.commands
        running, waiting = commands.counts
        hold = commands.hold
        return CommandsStatus(
            is_granted=is_granted,
            is_connected=commands.is_connected,
            running=running,
            waiting=waiting,
            policy=self._policy,
            hold=hold.name if hold else "",
            holds=list(hold.holds()) if hold else [],
        )
