"""Follows one job or task line by line, and through a connection that breaks: what was seen already does not come again.

A reader is told when the connection is lost and when it holds again, and gets the lines that were kept meanwhile. What
cannot get better by waiting (the job is gone, the caller may not see it) is raised.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from nagare.client.client import Client
from nagare.errors import DeadlineExceededError, InputError, NagareError, RateLimitedError, UnavailableError
from nagare.lib.backoff import Backoff
from nagare.wire.codec import decode
from nagare.wire.command_jobs import FollowLine, OutputLine

if TYPE_CHECKING:
    from nagare.net.lines import LineStream

L = TypeVar("L")
# Three heartbeats of the server: one may be late, two are not.
_SILENCE_SECONDS = 45.0
# A person who watches waits at most this long for a server that came back.
_RETRY_CAP_SECONDS = 15.0
# A connection that told something for this long was a success; a shorter one keeps the growing delay.
_STEADY_SECONDS = 5.0
# A server that is away for longer is not restarting: a script must not hang for ever.
_GIVE_UP_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Cut:
    """Nothing comes for now; the next try follows in ``retry_in_seconds``."""

    reason: str
    retry_in_seconds: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """It goes on where it was cut."""


Event = Cut | Resumed | FollowLine


class Following(Generic[L]):
    """The lines of one job, or of one task, from the first that the server has to the one that says that it has ended."""

    def __init__(
        self,
        client: Client,
        path: str,
        kind: type[L],
        *,
        backoff: Backoff | None = None,
        silence_seconds: float = _SILENCE_SECONDS,
        give_up_seconds: float = _GIVE_UP_SECONDS,
    ) -> None:
        """Describe it; ``events`` opens the connection."""
        self._client = client
        self._path = path
        self._kind = kind
        self._backoff = backoff or Backoff(base_seconds=0.5, cap_seconds=_RETRY_CAP_SECONDS)
        self._silence_seconds = silence_seconds
        self._give_up_seconds = give_up_seconds
        # The last line that was yielded, and whether the reader knows that nothing comes.
        self._seq = 0
        self._is_cut = False

    async def events(self) -> AsyncGenerator[Cut | Resumed | L, None]:
        """Yield lines until the job has ended. Raises errors of ``nagare.errors`` that waiting does not mend."""
        heard = self._client.clock.monotonic()
        while True:
            opened = self._client.clock.monotonic()
            fault: NagareError = UnavailableError("the connection was closed")
            try:
                async with contextlib.aclosing(self._connection()) as events:
                    async for event in events:
                        heard = self._client.clock.monotonic()
                        yield event
                        if getattr(event, "is_end", False):
                            return
            except (UnavailableError, DeadlineExceededError, RateLimitedError) as error:
                fault = error
            if heard - opened >= _STEADY_SECONDS:
                self._backoff.reset()
            if self._client.clock.monotonic() - heard >= self._give_up_seconds:
                raise UnavailableError(f"cannot follow {self._path}: {fault.message}")
            delay = self._backoff.next_seconds(getattr(fault, "retry_after_seconds", None))
            self._is_cut = True
            yield Cut(fault.message, delay)
            await self._client.clock.sleep(delay)
            # A server that restarted may listen elsewhere; while none runs there is nothing to find yet.
            with contextlib.suppress(NagareError):
                await self._client.retarget()

    async def _connection(self) -> AsyncGenerator[Cut | Resumed | L, None]:
        after = self._seq
        stream = await self._client.open_lines(self._path, {"after": str(after)})
        try:
            while (content := await self._received(stream)) is not None:
                line = self._read(content)
                if line is None or (isinstance(line, OutputLine) and line.seq <= after):
                    continue
                self._seq = max(self._seq, getattr(line, "seq", 0))
                if self._is_cut:
                    self._is_cut = False
                    yield Resumed()
                yield line
        finally:
            await stream.close()

    async def _received(self, stream: LineStream) -> bytes | None:
        try:
            async with asyncio.timeout(self._silence_seconds):
                return await stream.receive()
        except TimeoutError as error:
            raise UnavailableError(f"nothing was heard for {self._silence_seconds:g} s") from error

    def _read(self, content: bytes) -> L | None:
        """Return the line, None for one that this version does not know: a newer server may tell more."""
        try:
            return decode(content, self._kind)
        except InputError:
            return None
