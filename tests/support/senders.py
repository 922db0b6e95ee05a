"""Senders of batches whose every value follows from (host, seq), so that what is stored can be compared, not counted."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from nagare.wire.codec import encode, pack

ROWS = 3


def value_of(host: str, seq: int, row: int) -> float:
    """Return the value that row ``row`` of a batch carries; no two are alike."""
    return random.Random(f"{host}/{seq}/{row}").random()


class NotNowError(Exception):
    """The server takes no batch at this moment."""


@dataclass
class Sender:
    """One host with one batch in flight. What was not acknowledged is sent again, bytes and seq unchanged."""

    host: str
    boot: str
    token: str = ""  # told by the server when the host was registered
    seq: int = 0
    acknowledged: dict[int, bytes] = field(default_factory=dict)
    in_flight: bytes | None = None
    duplicates: int = 0

    async def run(self, url: str, until: asyncio.Event) -> None:
        """Send as fast as answers come, until told to stop or the server is gone."""
        async with self._session(url) as session:
            try:
                while not until.is_set() or self.in_flight is not None:
                    try:
                        await self._send(session)
                    except NotNowError:
                        await asyncio.sleep(0.05)
            except (aiohttp.ClientError, ConnectionError):
                return

    async def send_again(self, url: str, seqs: list[int]) -> list[bool]:
        """Send acknowledged batches once more; return whether each was known."""
        async with self._session(url) as session:
            return [(await self._post(session, self.acknowledged[seq]))["duplicate"] for seq in seqs]

    def expected(self) -> dict[tuple[str, int, int], float]:
        """Return every value that was acknowledged, by (host, seq, row)."""
        return {
            (self.host, seq, row): value_of(self.host, seq, row) for seq in self.acknowledged for row in range(ROWS)
        }

    def _session(self, url: str) -> aiohttp.ClientSession:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Content-Encoding": "zstd",
        }
        return aiohttp.ClientSession(url, headers=headers, timeout=aiohttp.ClientTimeout(total=30))

    async def _send(self, session: aiohttp.ClientSession) -> None:
        if self.in_flight is None:
            self.seq += 1
            self.in_flight = self._body()
        reply = await self._post(session, self.in_flight)
        # A duplicate of what is in flight was stored by a server that died before it could say so.
        if not reply["duplicate"] and reply["accepted"] != 2 * ROWS:
            raise AssertionError(f"the server refused rows of {self.host}/{self.seq}: {reply}")
        self.duplicates += reply["duplicate"]
        self.acknowledged[self.seq] = self.in_flight
        self.in_flight = None

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> dict[str, Any]:
        async with session.post("/api/v1/metrics/batch", data=body) as answer:
            if answer.status == 503:
                # Starting, stopping, or with more rows than it may hold; the batch stays in flight.
                raise NotNowError
            if answer.status != 200:
                raise AssertionError(
                    f"batch {self.host}/{self.seq} was answered {answer.status}: {await answer.text()}"
                )
            reply: dict[str, Any] = await answer.json()
            return reply

    def _body(self) -> bytes:
        now_ms = time.time_ns() // 1_000_000
        seqs, rows = [self.seq] * ROWS, list(range(ROWS))
        values = [value_of(self.host, self.seq, row) for row in rows]
        tables = {
            # One table of ours and one that the server has never heard of.
            "load": {"ts": [now_ms] * ROWS, "load1": seqs, "load5": rows, "load15": values},
            "crash": {"ts": [now_ms] * ROWS, "seq": seqs, "row": rows, "value": values, "text": [f"{self.seq}"] * ROWS},
        }
        batch = {"v": 1, "host": self.host, "boot": self.boot, "seq": self.seq, "tables": tables}
        return pack(encode(batch), "zstd")
