"""The connections of agents: one for each host, the newest one; what waits for each is bounded.

An agent that does not read loses its connection, not a command: what it missed is told again on the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Mapping

from nagare.lib.counters import Counters
from nagare.wire.commands import FRAME_LIMIT_BYTES, ToAgent, encode_frame

log = logging.getLogger(__name__)
# Some of the largest frames.
_WAITING_BYTES = 4 * FRAME_LIMIT_BYTES
_WAITING_FRAMES = 10_000


class AgentLink:
    """One connection as the room sees it; the socket belongs to the route."""

    def __init__(
        self, host_id: str, host: str, principal_id: str, counters: Counters, *, may_take: bool = True
    ) -> None:
        """Begin with nothing said. ``principal_id`` is the token that was shown, ``may_take`` whether commands go out on it."""
        self.host_id = host_id
        self.host = host
        self.principal_id = principal_id
        self.may_take = may_take
        self._counters = counters
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._woken = asyncio.Event()
        self.ended = asyncio.Event()
        self.closing = ""
        # Whether the agent said what it holds; nothing is sent to it before.
        self.is_ready = False
        # The hash of each action that its host knows, by name; empty where it did not say.
        self.actions: Mapping[str, str] = {}
        # Of the list of keys that it holds; zero where it takes none on this connection.
        self.keys_number = 0
        # Commands that it said it holds, and those that were sent to it, on this connection.
        self.held: set[str] = set()
        self.sent: set[str] = set()
        # Output taken and not yet given back as credit, by command.
        self.owed: dict[str, int] = {}
        # Frames about commands that are not this host's.
        self.foreign = 0

    def put(self, frame: ToAgent) -> None:
        """Queue a frame; an agent with too many has its connection ended."""
        if self.closing:
            return
        content = encode_frame(frame)
        if len(self._waiting) >= _WAITING_FRAMES or self._waiting_bytes + len(content) > _WAITING_BYTES:
            self._counters.add("agents_too_slow")
            self.end("the agent does not read what it is sent")
            return
        self._waiting.append(content)
        self._waiting_bytes += len(content)
        self._woken.set()

    def end(self, reason: str) -> None:
        """Ask the writer to close the socket, telling ``reason``."""
        if not self.closing:
            self.closing = reason
            self._waiting.clear()
            self.ended.set()
            self._woken.set()

    async def take(self) -> bytes | None:
        """Return the next frame once there is one, None when the connection must end."""
        while not self._waiting and not self.closing:
            self._woken.clear()
            await self._woken.wait()
        if self.closing:
            return None
        content = self._waiting.popleft()
        self._waiting_bytes -= len(content)
        return content


class Agents:
    """The connected agents, by the id of their host."""

    def __init__(self, counters: Counters) -> None:
        """Begin with none."""
        self._counters = counters
        self._links: dict[str, AgentLink] = {}
        self._is_closing = False
        # When each host signed its last connection, Unix milliseconds by its own clock.
        self._signed_ms: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many are connected."""
        return len(self._links)

    def join(self, host_id: str, host: str, principal_id: str, *, may_take: bool = True) -> AgentLink:
        """Return the new connection of a host; an earlier one of the same host ends."""
        link = AgentLink(host_id, host, principal_id, self._counters, may_take=may_take)
        earlier = self._links.get(host_id)
        if earlier is not None:
            self._counters.add("agents_replaced")
            earlier.end("another connection of this host took its place")
        self._links[host_id] = link
        self._counters.add("agents_connected")
        log.info("agent_connected host=%s", host)
        if self._is_closing:
            link.end("server is stopping")
        return link

    def take_signature(self, host_id: str, signed_at_ms: int) -> bool:
        """Tell whether a connection that a host signed then is not a copy of an earlier one, and remember it."""
        is_new = signed_at_ms > self._signed_ms.get(host_id, -1)
        if is_new:
            self._signed_ms[host_id] = signed_at_ms
        return is_new

    def leave(self, link: AgentLink) -> None:
        """Forget a connection whose socket is gone."""
        link.end("the connection is over")
        if self._links.get(link.host_id) is link:
            del self._links[link.host_id]
            log.info("agent_disconnected host=%s", link.host)

    def find(self, host_id: str) -> AgentLink | None:
        """Return the connection of a host, or None."""
        return self._links.get(host_id)

    def is_reachable(self, host_id: str) -> bool:
        """Tell whether a command that is sent to a host now would be written to it."""
        link = self._links.get(host_id)
        return link is not None and link.may_take and link.is_ready and not link.closing

    def end_host(self, host_id: str, reason: str) -> None:
        """End the connection of a host, if it has one."""
        link = self._links.get(host_id)
        if link is not None:
            link.end(reason)

    def end_principals(self, ids: set[str]) -> None:
        """End the connections that showed one of those tokens, which ended or allow something else now."""
        for link in self._links.values():
            if link.principal_id in ids:
                link.end("what this host may has changed")

    def __iter__(self) -> Iterator[AgentLink]:
        """Yield the connections as they are now."""
        return iter(list(self._links.values()))

    def hosts(self) -> list[str]:
        """Return the names of the connected hosts."""
        return [link.host for link in self._links.values()]

    def close(self) -> None:
        """End every connection and take no more."""
        self._is_closing = True
        for link in self._links.values():
            link.end("server is stopping")
