"""The life of ``nagare up``: server first, agent once the server answers, dashboard if there is a terminal.

A child that dies is started again with a growing delay. What can never go well (wrong configuration, a directory that
another process owns) ends ``up`` with that child's status and last words. Order of the end: dashboard, agent (it hands
over what it holds), server. A later second signal ends all at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass
from pathlib import Path

from nagare.cli import exit_codes
from nagare.cli.console.diagnostics import note
from nagare.cli.supervision.child import Child, ChildPlan, Lifeline
from nagare.cli.supervision.log_lines import LogLines
from nagare.cli.supervision.terminal import SavedTerminal
from nagare.errors import InputError
from nagare.lib.backoff import Backoff
from nagare.lib.clock import Clock, SystemClock
from nagare.wire.codec import decode
from nagare.wire.system import ServerNote

# No event tells that another process wrote a file; this is how often we look while the server starts.
_LOOK_SECONDS = 0.05
_START_SECONDS = 60.0
_HEAR_SECONDS = 1.0
# These do not get better by trying again: configuration, rights, somebody else's directory.
_HOPELESS = frozenset({exit_codes.USAGE, 6, 7})
# A terminal signals a whole group and a parent forwards it too: signals this near are one request to stop.
_ONE_REQUEST_SECONDS = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run and where the server's note will stand; ``dashboard`` is None without a terminal."""

    server: ChildPlan
    agent: ChildPlan
    dashboard: ChildPlan | None
    server_note: Path


class Supervisor:
    """Runs the children until a signal, the end of the dashboard, or a fault that no restart mends."""

    def __init__(
        self, plan: Plan, lines: LogLines, *, terminal: SavedTerminal | None = None, clock: Clock | None = None
    ) -> None:
        """Keep the plan; nothing runs yet."""
        self._plan = plan
        self._lines = lines
        self._terminal = terminal
        self._clock: Clock = clock or SystemClock()
        self._lifeline = Lifeline()
        self._children: dict[str, Child] = {}
        self._hearings: dict[str, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        self._first_signal_at: float | None = None
        self._status = exit_codes.FINE
        self._failure = ""
        self._last_words: list[str] = []

    async def run(self) -> int:
        """Run until the end and return the exit status."""
        loop = asyncio.get_running_loop()
        # nohup asked to survive the terminal.
        heard = [number for number in _SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
        for number in heard:
            loop.add_signal_handler(number, self._on_signal)
        try:
            async with asyncio.TaskGroup() as group:
                await self._start(group, self._plan.server)
                if self._plan.dashboard is not None:
                    await self._start(group, self._plan.dashboard)
                    group.create_task(self._watch_dashboard(self._plan.dashboard))
                await self._run_until_stop(group)
                await self._end()
        finally:
            for number in heard:
                loop.remove_signal_handler(number)
            self._lifeline.close()
        return self._status

    async def _run_until_stop(self, group: asyncio.TaskGroup) -> None:
        if not await self._is_server_ready():
            return
        await self._start(group, self._plan.agent)
        keepers = [group.create_task(self._keep(group, plan)) for plan in (self._plan.server, self._plan.agent)]
        if self._plan.dashboard is None:
            note(f"nagare: server at {self._url()}, agent running; Ctrl-C or SIGTERM ends both")
        await self._stop.wait()
        for keeper in keepers:
            keeper.cancel()

    async def _start(self, group: asyncio.TaskGroup, plan: ChildPlan) -> None:
        child = Child(plan, self._lifeline)
        await child.start()
        self._children[plan.name] = child
        if not plan.has_terminal:
            self._hearings[plan.name] = group.create_task(child.hear(self._lines))

    async def _watch_dashboard(self, plan: ChildPlan) -> None:
        """Wait for the end of the dashboard, which is the end of everything."""
        status = await self._children[plan.name].wait()
        if self._terminal is not None:
            self._terminal.restore(is_clean=status == 0)
        if status != 0 and not self._stop.is_set():
            note(f"nagare: the dashboard ended with status {status}")
            self._status = status if status > 0 else exit_codes.INTERNAL
        self._stop.set()

    async def _keep(self, group: asyncio.TaskGroup, plan: ChildPlan) -> None:
        """Start ``plan`` again whenever it ends, until the stop; a hopeless status is the stop."""
        backoff = Backoff(base_seconds=1.0, cap_seconds=30.0, floor_seconds=0.2)
        while True:
            started = self._clock.monotonic()
            status = await self._children[plan.name].wait()
            if status in _HOPELESS:
                await self._give_up(plan, status)
                return
            if self._clock.monotonic() - started > backoff.cap_seconds:
                backoff.reset()
            delay = backoff.next_seconds()
            self._lines.add("up", f"{plan.name} ended with status {status}; starting it again in {delay:.1f} s")
            if await self._is_stopped_within(delay):
                return
            await self._start(group, plan)

    async def _is_server_ready(self) -> bool:
        """Wait for the note of the server that we started; False when it died, or the stop came first."""
        child = self._children[self._plan.server.name]
        deadline = self._clock.monotonic() + _START_SECONDS
        while self._note_pid() != child.pid:
            if child.status is not None:
                await self._give_up(self._plan.server, child.status)
                return False
            if self._clock.monotonic() > deadline:
                self._failure = f"the server did not start within {_START_SECONDS:.0f} s"
                self._status = 4
                return False
            if await self._is_stopped_within(_LOOK_SECONDS):
                return False
        return True

    async def _give_up(self, plan: ChildPlan, status: int) -> None:
        # Its last words may still be in the pipe.
        await asyncio.wait({self._hearings[plan.name]}, timeout=_HEAR_SECONDS)
        self._last_words = [] if self._lines.is_shown else self._lines.tail(plan.name)
        self._failure = f"{plan.name} ended with status {status}"
        self._status = status if status > 0 else exit_codes.INTERNAL
        self._stop.set()

    async def _is_stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        return self._stop.is_set()

    async def _end(self) -> None:
        self._stop.set()
        for plan in (self._plan.dashboard, self._plan.agent, self._plan.server):
            child = self._children.get(plan.name) if plan is not None else None
            if child is not None and child.status is None and not await child.stop():
                self._failure = f"{child.plan.name} had to be killed"
                self._status = self._status or exit_codes.TERMINATED
        if self._terminal is not None:
            # The dashboard must be off the screen before anything is said.
            self._terminal.restore(is_clean=True)
        for line in [*self._last_words, *([f"nagare: {self._failure}"] if self._failure else [])]:
            note(line)
        if self._hearings:
            # A grandchild may hold a pipe open; nobody waits for its words.
            await asyncio.wait(self._hearings.values(), timeout=_HEAR_SECONDS)
        for hearing in self._hearings.values():
            hearing.cancel()

    def _on_signal(self) -> None:
        self._stop.set()
        now = self._clock.monotonic()
        if self._first_signal_at is None:
            self._first_signal_at = now
        elif now - self._first_signal_at > _ONE_REQUEST_SECONDS:
            self._status = exit_codes.TERMINATED
            for child in self._children.values():
                child.send(signal.SIGKILL)

    def _note(self) -> ServerNote | None:
        try:
            return decode(self._plan.server_note.read_bytes(), ServerNote)
        except (OSError, InputError):
            return None

    def _note_pid(self) -> int:
        found = self._note()
        return found.pid if found is not None else -1

    def _url(self) -> str:
        found = self._note()
        return found.url if found is not None else ""
