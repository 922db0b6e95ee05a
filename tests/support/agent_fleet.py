"""Many agents in one process, as a server sees them: own keys, own connections, signed batches, and patience when told to wait."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

from nagare.keys.signing import SigningKey
from nagare.lib.backoff import Backoff
from nagare.wire.codec import encode, pack
from nagare.wire.signature import HEADER, signed_bytes

_PATH = "/api/v1/metrics/batch"
# By which an agent may be told to come again.
_LATER = (429, 503, 507)
_ENCODING = "zstd"

Tables = dict[str, dict[str, list[Any]]]
# The tables of the batch that a host made at that moment (Unix milliseconds), its number given.
MakeTables = Callable[[str, int, int], Tables]


@dataclass
class Tally:
    """What became of the requests of all agents."""

    statuses: Counter[int] = field(default_factory=Counter)
    # Seconds from request to answer of each batch that was taken.
    taken: list[float] = field(default_factory=list)
    contacts: list[float] = field(default_factory=list)
    duplicates: int = 0
    faults: list[str] = field(default_factory=list)
    # Of looks at /health meanwhile.
    looks: list[float] = field(default_factory=list)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of ``values`` lies; zero for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass
class FleetAgent:
    """One agent. ``session`` is its own connection."""

    name: str
    session: aiohttp.ClientSession
    tally: Tally
    make: MakeTables
    key: SigningKey = field(default_factory=SigningKey.generate)
    token: str = ""
    # What it was told when it registered.
    host_id: str = ""
    command_keys: Any = None
    chance: random.Random = field(default_factory=random.Random)
    next_seq: int = 1

    async def join(self, admin: str) -> None:
        """Register, and ask what it may: the first contact of an agent."""
        begun = time.monotonic()
        told = {
            "name": self.name,
            "machine_id": f"m-{self.name}",
            "version": "0.1.0",
            "public_key": self.key.public_key,
        }
        answer = await self._call("POST", "/api/v1/hosts/register", encode(told), {"Authorization": f"Bearer {admin}"})
        self.token, self.host_id, self.command_keys = answer["token"], answer["id"], answer["command_keys"]
        await self.return_to_work()
        self.tally.contacts.append(time.monotonic() - begun)

    async def return_to_work(self) -> None:
        """Ask what it may, as every agent does before the first batch of a connection."""
        await self._call("GET", "/api/v1/standing", b"", self._identified())

    async def send(self, seq: int, at_ms: int) -> None:
        """Deliver the batch of that number, however often it takes."""
        batch = {"v": 1, "host": self.name, "boot": "boot", "seq": seq, "tables": self.make(self.name, seq, at_ms)}
        body = pack(encode(batch), _ENCODING)
        signature = self.key.sign(signed_bytes(_PATH, _ENCODING, body))
        headers = {**self._identified(), "Content-Encoding": _ENCODING, HEADER: signature}
        answer = await self._call("POST", _PATH, body, headers)
        self.tally.duplicates += bool(answer["duplicate"])

    def _identified(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def _call(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
        backoff = Backoff(base_seconds=0.5, cap_seconds=10.0, random=self.chance)
        headers = {"Content-Type": "application/json", **headers}
        while True:
            begun = time.monotonic()
            wait: float | None = None
            try:
                async with self.session.request(method, path, data=body or None, headers=headers) as answer:
                    content = await answer.read()
                self.tally.statuses[answer.status] += 1
                if answer.status < 300:
                    if path == _PATH:
                        self.tally.taken.append(time.monotonic() - begun)
                    return await answer.json()
                if answer.status not in _LATER:
                    raise AssertionError(f"{self.name}: {path} was answered {answer.status}: {content[:300]!r}")
                wait = float(answer.headers["Retry-After"]) if "Retry-After" in answer.headers else None
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self.tally.faults.append(f"{type(error).__name__}: {error}")
            await asyncio.sleep(backoff.next_seconds(wait))


@dataclass
class Fleet:
    """``count`` agents of the server at ``url``; ``admin`` lets them register."""

    url: str
    admin: str
    count: int
    make: MakeTables
    tally: Tally = field(default_factory=Tally)
    agents: list[FleetAgent] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        """Open the sessions; no connection yet."""
        chance = random.Random(7)
        for number in range(self.count):
            # As the agent has it: one request at a time, given up after ten seconds.
            connector, timeout = aiohttp.TCPConnector(limit=1), aiohttp.ClientTimeout(total=10)
            session = aiohttp.ClientSession(self.url, connector=connector, timeout=timeout)
            seeded = random.Random(chance.random())
            self.agents.append(FleetAgent(f"host{number:04}", session, self.tally, self.make, chance=seeded))
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close the connections."""
        for agent in self.agents:
            await agent.session.close()

    async def all_do(self, work: Callable[[FleetAgent], Any]) -> None:
        """Let every agent do ``work``, all at once, while somebody looks at /health ten times a second."""
        async with asyncio.TaskGroup() as watching:
            looker = watching.create_task(self._look())
            async with asyncio.TaskGroup() as group:
                for agent in self.agents:
                    group.create_task(work(agent))
            looker.cancel()

    async def _look(self) -> None:
        async with aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(total=30)) as session:
            while True:
                begun = time.monotonic()
                async with session.get("/health") as answer:
                    await answer.read()
                    assert answer.status == 200
                self.tally.looks.append(time.monotonic() - begun)
                await asyncio.sleep(0.1)
