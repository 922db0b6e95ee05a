"""The agent's own update, beside its work: asks now and then, hands over what is ready, and tells how a try ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from nagare import __version__
from nagare.agent.enrolment import Enrolment, Machine
from nagare.agent.events import EventBox
from nagare.agent.identity import Identity
from nagare.agent.update.fetch import Fetcher, Ready
from nagare.agent.update.start import came_up
from nagare.agent.update.state import UpdateFiles
from nagare.client.client import Client
from nagare.config.settings import AgentSettings
from nagare.errors import NagareError, NotFoundError
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.model.event import Severity

log = logging.getLogger(__name__)
_DEADLINE_SECONDS = 30.0
# The first question comes soon after a start: an agent that was just replaced says so.
_FIRST_SECONDS = 2.0
_JITTER = 0.5
# So long up, a current version counts as one that works.
_UP_SECONDS = 60.0
# An update ends commands that run. It waits for them, but not for ever: others could follow them without a gap.
_REST_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Mode:
    """How this process was started: ``words`` start it again, ``trial_fd`` tells a parent that a batch was delivered."""

    words: tuple[str, ...] = ()
    trial_fd: int | None = None
    # A child of ``nagare up`` is updated with its parent.
    may_update: bool = True
    # It replaced the installed version.
    is_current: bool = False

    @property
    def is_trial(self) -> bool:
        """Whether a parent watches this version prove itself."""
        return self.trial_fd is not None


class Updater:
    """Runs beside the agent. ``ready`` is set before ``stop`` is."""

    def __init__(
        self,
        settings: AgentSettings,
        files: UpdateFiles,
        enrolment: Enrolment,
        machine: Machine,
        clock: Clock,
        at_rest: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Keep the parts; nothing is asked yet. ``at_rest`` returns once the agent may be replaced without harm."""
        self._at_rest = at_rest
        self._interval = settings.update_interval_seconds
        self._files = files
        self._enrolment = enrolment
        self._machine = machine
        self._clock = clock
        self._fetcher = Fetcher(files, settings.update_root, clock)
        self._told = ""
        self._is_refusal_told = False
        self.ready: Ready | None = None

    def close(self) -> None:
        """Let go of the thread."""
        self._fetcher.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Ask until something is ready, then set ``stop`` and wait to be cancelled."""
        delay = min(_FIRST_SECONDS, self._interval)
        while self.ready is None:
            await self._clock.sleep(delay)
            try:
                self.ready = await self._ask()
                self._told = ""
            except (NagareError, OSError) as error:
                # The uplink tells when the server is away; only what is new is said. A full disk may have room later.
                if str(error) != self._told:
                    log.info("update_not_asked reason=%s", plain(str(error), 300))
                self._told = str(error)
            delay = self._interval * random.uniform(1 - _JITTER, 1 + _JITTER)
        if self._at_rest is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REST_SECONDS):
                    await self._at_rest()
        stop.set()

    async def _ask(self) -> Ready | None:
        identity = self._enrolment.find_identity(self._machine)
        if identity is None:
            return None
        target = self._enrolment.find_target(identity.token)
        async with Client(target, deadline_seconds=_DEADLINE_SECONDS, clock=self._clock, is_lean=True) as client:

            async def may_update() -> bool:
                return await self._may_update(client, identity)

            # Held to here, whatever is offered: without the grant not even the question is asked.
            return await self._fetcher.ask(client, may_update) if await may_update() else None

    async def _may_update(self, client: Client, identity: Identity) -> bool:
        """Ask what this host may, keep it, and tell once that it may not."""
        # A server from before it could be asked says nothing new: what it granted at first holds.
        with contextlib.suppress(NotFoundError):
            identity = self._enrolment.learn(identity, await client.standing())
        if not identity.may_update and not self._is_refusal_told:
            name = identity.name
            log.info("update_not_granted host=%s (on the server: nagare hosts accept %s --allow update)", name, name)
        self._is_refusal_told = not identity.may_update
        return identity.may_update


async def tell_delivery(delivered: asyncio.Event, mode: Mode, files: UpdateFiles) -> None:
    """Once a batch is acknowledged, tell the parent of a trial, or note that the current version works."""
    if mode.is_current and not mode.is_trial:
        # It was proven once: a server that is away is no fault of it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_UP_SECONDS):
                await delivered.wait()
        with contextlib.suppress(OSError):
            came_up(files)
        return
    await delivered.wait()
    if mode.trial_fd is not None:
        os.write(mode.trial_fd, f"{__version__}\n".encode())


def tell_outcome(files: UpdateFiles, box: EventBox, now_ms: int) -> None:
    """Tell the end of the last try as an event, once."""
    report = files.load_report()
    if report is None or report.is_told:
        return
    is_fine = report.outcome == "installed"
    text = f"agent updated to {report.version}" if is_fine else f"update to {report.version} {report.outcome}"
    box.tell(
        "agent.updated" if is_fine else "agent.update_failed",
        text if is_fine else f"{text}: {report.reason}; {__version__} goes on",
        now_ms,
        severity=Severity.INFO if is_fine else Severity.HIGH,
        attributes={"version": report.version, "running": __version__, "reason": report.reason},
    )
    # A disk that does not take it has the event told again at the next start, which does no harm.
    with contextlib.suppress(OSError):
        files.save_report(replace(report, is_told=True))
