"""Runs the agent as a process: puts its parts together, takes the spool for itself, and ends cleanly on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from nagare import __version__
from nagare.agent.agent import Agent
from nagare.agent.command_link import CommandLink, Registered
from nagare.agent.enrolment import Enrolment, Machine
from nagare.agent.events import EventBox, read_boot_id, tell_boot
from nagare.agent.facts import read_facts
from nagare.agent.identity import IdentityFiles
from nagare.agent.link import Link
from nagare.agent.spool import Spool
from nagare.agent.spool_lock import own_spool
from nagare.agent.status import StatusFile, Subjects
from nagare.agent.update.fetch import Ready
from nagare.agent.update.start import become, become_current
from nagare.agent.update.state import Current, Report, UpdateFiles
from nagare.agent.update.trial import StoppedError, Terms, run_trial
from nagare.agent.update.updater import Mode, Updater, tell_delivery, tell_outcome
from nagare.agent.uplink import Uplink
from nagare.collect.collector import Root
from nagare.collect.registry import build_collectors
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.lib.clock import Clock, SystemClock
from nagare.lib.tasks import TaskSupervisor
from nagare.net.trust import check_address

log = logging.getLogger(__name__)

# The last batch gets this long to reach the server; then it goes to disk and the next start delivers it.
_FLUSH_SECONDS = 3.0
_TASK_STOP_SECONDS = 5.0
_PHASE_DIGITS = 8
# A terminal signals a whole group and a parent forwards it too: signals this near are one request to stop.
_ONE_REQUEST_SECONDS = 1.0


async def run_agent(settings: Settings, mode: Mode | None = None) -> None:
    """Run the agent until SIGTERM or SIGINT; a second signal ends the process at once.

    An update that proved itself replaces this process. Raises ConfigError for settings that cannot work, LockedError
    when another agent owns the spool.
    """
    if settings.agent.server:
        check_address(settings.agent.server, settings.agent.server_pin)
    mode = mode or Mode(may_update=False)
    places = Places(settings.data)
    files = UpdateFiles(places.agent_updates)
    if mode.may_update and not (mode.is_trial or mode.is_current) and settings.agent.updates:
        become_current(files, mode.words)
    async with _stop_signal() as stop:
        while (ready := await _run_once(settings, mode, stop)) is not None and not stop.is_asked:
            # The spool is free now: one agent owns it at any time, and for this while it is the new one.
            stop.event.clear()
            try:
                await _prove(ready, files, settings, mode, stop.event)
            except StoppedError:
                break
    log.info("agent_stopped")


async def _run_once(settings: Settings, mode: Mode, stop: _Stop) -> Ready | None:
    """Run until ``stop``; return the update that is ready to be tried, None when there is none."""
    with own_spool(Places(settings.data)):
        process = _Process(settings, mode, SystemClock())
        # What start-up left lives for ever: keep the garbage collector from walking it at every pass.
        gc.collect()
        gc.freeze()
        try:
            await process.run(stop.event)
        finally:
            gc.unfreeze()
    return process.ready


async def _prove(ready: Ready, files: UpdateFiles, settings: Settings, mode: Mode, stop: asyncio.Event) -> None:
    """Try ``ready`` and become it; return when it failed, which is kept then. Raises StoppedError."""
    version, before = ready.bundle.version, files.load_current()
    log.info("update_on_trial version=%s", version)
    terms = Terms(settings.agent.trial_seconds, settings.agent.trial_gate_seconds)
    reason = await run_trial(ready.file, version, mode.words, terms, stop)
    if not reason and not _may_update(Places(settings.data)):
        # The version on trial heard it from the server. No report: the offer stands, should the grant come back.
        files.forget(ready.bundle.sha256)
        log.warning("update_not_granted version=%s: the grant was withdrawn, this version goes on", version)
        return
    try:
        if not reason:
            current = Current(version, ready.bundle.sha256, previous=__version__)
            files.save_current(current)
            files.save_report(Report(ready.rollout, version, "installed"))
            files.keep_only({ready.bundle.sha256, *([before.sha256] if before else [])})
            become(files, current, mode.words)
            files.save_current(before)
            reason = "the system refused to start it in the place of this one"
        files.save_report(Report(ready.rollout, version, "failed", reason))
    except OSError as error:
        # This version goes on; what could not be kept is tried again.
        reason = reason or f"it cannot be kept: {error.strerror}"
    log.warning("update_rolled_back version=%s reason=%s", version, reason)


def _may_update(places: Places) -> bool:
    identity = IdentityFiles(places, Root().etc).load()
    return identity is None or identity.may_update


class _Process:
    """The parts of one agent process, and their order of start and stop."""

    def __init__(self, settings: Settings, mode: Mode, clock: Clock) -> None:
        places = Places(settings.data)
        self._mode = mode
        self._clock = clock
        # The server's own setting where both share a configuration, else the default that it most likely has.
        self._kept_seconds = settings.storage.retention_seconds
        self._root = Root(proc=settings.agent.proc, sys=settings.agent.sys)
        self._files = IdentityFiles(places, self._root.etc)
        self._machine = Machine(self._files.machine_id(), self._files.load_key(), read_facts(self._root))
        self._box = EventBox()
        self._enrolment = Enrolment(settings.agent, places, self._files, clock)
        spool = Spool(
            places.spool / "batches",
            limit_bytes=settings.agent.spool_limit_bytes,
            age_limit_seconds=settings.agent.spool_limit_seconds,
        )
        link = Link(self._enrolment, self._machine, clock)
        self._uplink = Uplink(link, spool, places.spool / "set-aside", self._box, settings.agent, clock)
        collectors = build_collectors(settings.agent, self._root)
        self._agent = Agent(settings.agent, collectors, self._uplink, self._box, clock)
        registered = Registered(self._enrolment, self._machine)
        self._commands = CommandLink(settings.commands, places, self._files, registered, self._box, clock)
        self._status = StatusFile(settings, Subjects(self._uplink, self._commands, self._files), clock)
        self._update_files = UpdateFiles(places.agent_updates)
        self._updater: Updater | None = None
        if mode.may_update and settings.agent.updates and not mode.is_trial:
            self._updater = self._make_updater(settings, clock)

    def _make_updater(self, settings: Settings, clock: Clock) -> Updater | None:
        try:
            self._update_files.prepare()
        except OSError as error:
            # Samples matter more than updates.
            log.warning("updates_off reason=%s", error.strerror)
            return None
        at_rest = self._commands.wait_idle
        return Updater(settings.agent, self._update_files, self._enrolment, self._machine, clock, at_rest)

    @property
    def ready(self) -> Ready | None:
        """The update that is to be tried next."""
        return None if self._updater is None else self._updater.ready

    async def run(self, stop: asyncio.Event) -> None:
        """Collect and send until ``stop``, then flush."""
        await self._uplink.open()
        try:
            await self._tell_start()
            async with TaskSupervisor(clock=self._clock, stop_seconds=_TASK_STOP_SECONDS) as sending:
                sending.supervise("uplink", self._uplink.run)
                sending.supervise("status", self._status.run)
                sending.start("delivery", tell_delivery(self._uplink.delivered, self._mode, self._update_files))
                if self._updater is not None:
                    sending.start("update", self._updater.run(stop))
                supervisor = TaskSupervisor(clock=self._clock, stop_seconds=_TASK_STOP_SECONDS)
                # How commands end with the agent is told by its last batch.
                async with self._commands, supervisor as collecting:
                    collecting.supervise("collect", self._collect)
                    await stop.wait()
                await self._flush()
            await self._status.end()
        finally:
            await self._uplink.close()
            if self._updater is not None:
                self._updater.close()

    async def _collect(self) -> None:
        await self._agent.run(int(self._machine.machine_id[:_PHASE_DIGITS], 16) / 16**_PHASE_DIGITS)

    async def _tell_start(self) -> None:
        self._tell("agent.start", f"agent {__version__} started")
        if self._updater is not None:
            tell_outcome(self._update_files, self._box, self._clock.now_ms())
        boot_id = read_boot_id(self._root)
        if self._files.is_new_boot(boot_id):
            # The name belongs to it: two agents of one machine, say in containers of one image, are two hosts.
            host = f"{self._machine.machine_id} {self._enrolment.name}"
            now_ms = self._clock.now_ms()
            tell_boot(self._box, self._root, boot_id, host, now_ms, kept_seconds=self._kept_seconds)
        # Before the first connection every batch goes to disk: once this returns the boot is told for good.
        await self._agent.announce()
        # Where the disk does not take it, the boot is told again: the same event, which the server knows by its id.
        with contextlib.suppress(OSError):
            self._files.save_boot(boot_id)
        log.info("agent_started host=%s pid=%d", self._enrolment.name, os.getpid())

    async def _flush(self) -> None:
        self._tell("agent.stop", f"agent {__version__} stopped")
        await self._agent.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                await self._uplink.settle()

    def _tell(self, kind: str, text: str) -> None:
        self._box.tell(kind, text, self._clock.now_ms(), attributes={"version": __version__})


@dataclass(slots=True)
class _Stop:
    """Set when the agent is to let go: for good when a signal asked, else for an update."""

    event: asyncio.Event = field(default_factory=asyncio.Event)
    is_asked: bool = False


@contextlib.asynccontextmanager
async def _stop_signal() -> AsyncIterator[_Stop]:
    """Yield what the first SIGTERM or SIGINT sets; the second finds the system's own answer."""
    loop = asyncio.get_running_loop()
    stop = _Stop()
    signals = (signal.SIGTERM, signal.SIGINT)

    timers: list[asyncio.TimerHandle] = []

    def restore() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    def ask() -> None:
        if not stop.is_asked:
            stop.is_asked = True
            stop.event.set()
            timers.append(loop.call_later(_ONE_REQUEST_SECONDS, restore))

    for number in signals:
        loop.add_signal_handler(number, ask)
    try:
        yield stop
    finally:
        for timer in timers:
            timer.cancel()
        restore()
