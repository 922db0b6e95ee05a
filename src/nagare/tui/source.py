"""Where the screens get everything from: the live feed of a server, its history by SQL, its list of hosts and events.

``Source`` is the seam; ``ServerSource`` finds the installation's server, waits for one that does not run yet, and
follows one that comes back elsewhere. No widget is known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from nagare.client.accounts import Accounts
from nagare.client.client import Client
from nagare.client.inbox import Connected, Disconnected, LiveEvent
from nagare.client.live import LiveFeed
from nagare.client.target import Target, find_target
from nagare.client.updates import UpdateCalls
from nagare.client.upkeep import Upkeep
from nagare.config.settings import Settings
from nagare.errors import (
    ConfigError,
    InputError,
    NotFoundError,
    NotReadyError,
    PermissionDeniedError,
    UnavailableError,
)
from nagare.lib.backoff import Backoff
from nagare.lib.clock import Clock
from nagare.model.health import CHECKED
from nagare.model.host_series import LIST_SERIES, SERIES
from nagare.tui.agent_facts import AgentStanding
from nagare.tui.history import Points, Span, Statement
from nagare.tui.renderables.chart_model import EventMark, GapMark
from nagare.tui.replay.jobs_then import Later
from nagare.tui.replay.past import Answer, FleetRows, SqlPast
from nagare.tui.seams import Seams, ServerSeams
from nagare.wire.auth import Me
from nagare.wire.events import EventView
from nagare.wire.groups import GroupView
from nagare.wire.hosts import HostView
from nagare.wire.live import Subscribe

# Of every host the series of lists are followed, and the rows that the network is drawn from; all rows only of the host that
# is looked at.
_FLEET = Subscribe("fleet", ("probe",), series=LIST_SERIES)
# The tables of which the series of lists are, and what deserves a look.
FLEET_TABLES = tuple(dict.fromkeys([*(SERIES[name].table for name in LIST_SERIES), *CHECKED]))
_LAST_COMMAND_SQL = "SELECT epoch_ms(ts), action, state FROM commands WHERE host = ? ORDER BY ts DESC LIMIT 1"
_RETRY_CAP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Missing:
    """No server was found; the next look comes in ``retry_in_seconds``."""

    reason: str
    hint: str
    retry_in_seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """A server's address is known; the feed is being opened."""

    url: str


SourceEvent = Missing | Found | LiveEvent
__all__ = ["FLEET_TABLES", "Connected", "Disconnected", "Found", "Missing", "ServerSource", "Source", "SourceEvent"]


class Source(Seams, Protocol):
    """What the app asks of the outside; every call may raise NagareError."""

    def follow(self) -> AsyncGenerator[SourceEvent]:
        """Yield what happens, for ever."""
        ...

    def watch(self, host: str) -> None:
        """Follow every table of ``host`` as well; empty for none."""
        ...

    def retry_now(self) -> None:
        """Do not wait for the next try."""
        ...

    async def hosts(self) -> list[HostView]:
        """Return every host."""
        ...

    async def groups(self) -> list[GroupView]:
        """Return the groups of hosts, each with its hosts."""
        ...

    async def events(self, limit: int, host: str | None = None, *, until_ms: int | None = None) -> list[EventView]:
        """Return the newest events, or the newest before ``until_ms``."""
        ...

    async def host_history(self, host: str, series_ids: Sequence[str], span: Span) -> Points:
        """Return the history of series of one host."""
        ...

    async def probe_history(self, host: str, target: str, kind: str, span: Span) -> Points:
        """Return the history of one probe of a host: its latency, and the share of tries that it lost."""
        ...

    async def gaps(self, host: str) -> list[GapMark]:
        """Return when nothing came of a host in time, and why."""
        ...

    async def marks(self, host: str, span: Span) -> list[EventMark]:
        """Return what charts mark of a host, of all for an empty name: what the caller may see of it."""
        ...

    async def fleet_history(self, series_ids: Sequence[str], span: Span) -> Points:
        """Return the history of series over all hosts."""
        ...

    async def seed(self, series_ids: Sequence[str], span: Span) -> dict[str, Points]:
        """Return the short history of every host."""
        ...

    async def newest(self, series_ids: Sequence[str], since_ms: int) -> dict[str, Points]:
        """Return the newest value of every host since then."""
        ...

    async def rows(self, table: str, host: str, at_ms: int | None = None) -> Mapping[str, list[Any]]:
        """Return the rows of a table at its newest moment, or the newest not after ``at_ms``."""
        ...

    async def processes(self, at_ms: int | None = None) -> Mapping[str, list[Any]]:
        """Return the busiest processes of all hosts, at each host's newest moment, or its newest not after ``at_ms``."""
        ...

    async def fleet_rows(self, at_ms: int, tables: Sequence[str], hosts: Sequence[str]) -> FleetRows:
        """Return the rows of all hosts at ``at_ms``; ``hosts`` are those that there may have been."""
        ...

    async def turns(self, alerts: Sequence[str], at_ms: int) -> list[EventView]:
        """Return what happened to ``alerts`` until ``at_ms``."""
        ...

    async def commands_after(self, since_ms: int, at_ms: int) -> list[Later]:
        """Return the commands that were asked for since then, and came into the state that they are in after ``at_ms``."""
        ...

    async def caller(self) -> Me | None:
        """Return who we are to the server, None where it does not tell."""
        ...

    async def standing(self, host: str) -> AgentStanding:
        """Return what the server knows of the agent of ``host`` beside its rows."""
        ...


class ServerSource(ServerSeams, SqlPast):
    """The installation's own server, or the configured one."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Keep what finds the server; nothing is opened yet."""
        super().__init__(self._answer, clock)
        self._settings = settings
        self._client: Client | None = None
        self._feed: LiveFeed | None = None
        self._watched = ""
        self._hurry = asyncio.Event()
        self._backoff = Backoff(base_seconds=1.0, cap_seconds=_RETRY_CAP_SECONDS, floor_seconds=0.5)

    def _find(self) -> Target:
        return find_target(self._settings)

    async def follow(self) -> AsyncGenerator[SourceEvent]:
        """Yield what happens, for ever; a server that is missing is looked for again and again."""
        while True:
            try:
                target = self._find()
            except (UnavailableError, ConfigError, InputError, PermissionDeniedError) as error:
                delay = self._backoff.next_seconds()
                yield Missing(error.message, error.hint, delay)
                await self._pause(delay)
                continue
            self._backoff.reset()
            yield Found(target.url)
            async with aclosing(self._follow_target(target)) as events:
                async for event in events:
                    yield event

    async def _follow_target(self, target: Target) -> AsyncGenerator[SourceEvent]:
        deadline = self._settings.client.deadline_seconds
        client = Client(target, deadline_seconds=deadline, clock=self._clock, find=self._find)
        try:
            async with client:
                self._client, self._feed = client, LiveFeed(client)
                self._feed.subscribe(_FLEET)
                self._feed.subscribe(Subscribe("events", ("events",)))
                self.watch(self._watched)
                async with aclosing(self._feed.__aiter__()) as events:
                    async for event in events:
                        yield event
        except ConfigError as error:
            delay = self._backoff.next_seconds()
            yield Missing(error.message, error.hint, delay)
            await self._pause(delay)
        finally:
            self._client = self._feed = None

    async def _pause(self, seconds: float) -> None:
        self._hurry.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return

    def watch(self, host: str) -> None:
        """Follow every table of ``host`` as well; empty for none."""
        self._watched = host
        if self._feed is None:
            return
        if host:
            self._feed.subscribe(Subscribe("host", ("*",), (host,)))
        else:
            self._feed.unsubscribe("host")

    def retry_now(self) -> None:
        """Do not wait for the next try."""
        self._hurry.set()
        if self._feed is not None:
            self._feed.retry_now()

    def connected(self) -> Client:
        """Return the client. Raises NotReadyError while there is no connection."""
        if self._client is None:
            raise NotReadyError("cannot ask the server: there is no connection", hint="it is tried again by itself")
        return self._client

    async def hosts(self) -> list[HostView]:
        """Return every host."""
        return await self.connected().hosts()

    async def groups(self) -> list[GroupView]:
        """Return the groups of hosts, each with its hosts."""
        return await Upkeep(self.connected()).groups()

    async def events(self, limit: int, host: str | None = None, *, until_ms: int | None = None) -> list[EventView]:
        """Return the newest events, or the newest before ``until_ms``."""
        return await self.connected().events(limit=limit, host=host, until_ms=until_ms)

    async def _answer(self, statement: Statement) -> Answer:
        reply = await self.connected().sql(statement.sql, statement.params)
        return Answer([column.name for column in reply.columns], reply.rows)

    async def caller(self) -> Me | None:
        """Return who we are to the server, None where it does not tell."""
        try:
            return await Accounts(self.connected()).me()
        except (NotFoundError, PermissionDeniedError):
            return None

    async def standing(self, host: str) -> AgentStanding:
        """Return what the server knows of the agent of ``host`` beside its rows: its last command, its update."""
        found = (await self._answer(Statement(_LAST_COMMAND_SQL, [host]))).rows
        moment, action, state = found[0] if found else (None, "", "")
        try:
            rollouts = await UpdateCalls(self.connected()).rollouts()
        except PermissionDeniedError:
            rollouts = []
        told = [(one.version, at.state, at.reason) for one in rollouts for at in one.hosts if at.host == host]
        return AgentStanding(action, state, moment, *(told[0] if told else ()))
