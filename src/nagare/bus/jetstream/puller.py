"""Pulls messages of a consumer: what is there at once, and else the first that comes.

One request for many that waits would go on in the server after its first message was returned, and take messages that
nobody looks at. So only a request for one message waits, and what stands behind it is asked for at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from itertools import count

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError as NoConsumerError

from nagare.bus.jetstream.connection import PAUSE_SECONDS, TRY_SECONDS, Connection, as_json, status_of
from nagare.bus.jetstream.faults import as_fault, is_passing
from nagare.bus.protocol import ConsumerSpec
from nagare.config.settings import BusSettings
from nagare.errors import NotFoundError, UnavailableError
from nagare.lib.clock import Clock

# A waiting request that a cut swallowed is made anew after so long, and its server forgets it by itself.
_LINGER_SECONDS = 5.0
# Silence after which it is asked why.
_QUIET_SECONDS = 0.1
# Status words of JetStream: nothing there; the request's time is over; not now, for reasons in words; nobody answers.
_NOTHING, _OVER, _NOT_NOW, _NOBODY = 404, 408, 409, 503


class _Lane:
    """An inbox with one request at a time. Messages carry their own subjects, so the inbox alone tells whose they are."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._numbers = count()
        self._heard: Subscription | None = None
        self._came: asyncio.Queue[Msg] = asyncio.Queue()
        self._reply, self._limit = "", 0

    async def open(self) -> None:
        self._heard = await self._client.subscribe(f"{self._inbox}.*", cb=self._came.put)

    def is_of(self, client: Client) -> bool:
        """Tell whether it belongs to the connection of ``client``."""
        return self._client is client

    async def close(self) -> None:
        if self._heard is not None and not self._client.is_closed:
            await self._heard.unsubscribe()

    async def send(self, spec: ConsumerSpec, limit: int, linger: float | None) -> None:
        """Ask for ``limit`` messages: for what is there, or, with ``linger``, for what comes within so many seconds."""
        self._reply, self._limit = f"{self._inbox}.{next(self._numbers):x}", limit
        more = {"no_wait": True} if linger is None else {"expires": int(linger * 1e9)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{spec.stream}.{spec.name}"
        await self._client.publish(subject, as_json({"batch": limit, **more}), self._reply)

    async def receive(self, found: list[Msg]) -> tuple[int, str]:
        """Add what comes to ``found``; return the status that ended it, or (0, "") when all came. Can be gone on with."""
        while len(found) < self._limit:
            message = await self._came.get()
            status, said = status_of(message)
            if not status:
                found.append(message)
            elif message.subject == self._reply:
                return status, said
        return 0, ""


class Puller:
    """The pulls of one bus; used on the event loop alone."""

    def __init__(self, connection: Connection, settings: BusSettings, clock: Clock) -> None:
        """Prepare."""
        self._connection = connection
        self._settings = settings
        self._clock = clock
        # Those without a request. There are as many as fetches at one time.
        self._idle: list[_Lane] = []

    async def listen(self) -> None:
        """Go on over the present connection."""
        self._idle.clear()

    async def pull(self, spec: ConsumerSpec, limit: int, wait_seconds: float) -> list[Msg]:
        """Return up to ``limit`` messages; wait for the first. Raises NotFoundError, UnavailableError."""
        until = self._clock.monotonic() + wait_seconds
        # While a consumer elects its leader nobody answers; that passes within the deadline of a request, or is told.
        patience = self._clock.monotonic() + self._settings.request_seconds
        found, status = await self._ask(spec, limit, None)
        while not found:
            now = self._clock.monotonic()
            if status == _NOBODY:
                await self._check_there(spec, patience - now)
                await self._clock.sleep(PAUSE_SECONDS)
                found, status = await self._ask(spec, limit, None)
                continue
            if until <= now:
                break
            patience = now + self._settings.request_seconds
            found, status = await self._ask(spec, 1, min(until - now, _LINGER_SECONDS))
            if found and limit > 1:
                found += (await self._ask(spec, limit - 1, None))[0]
            elif status == _NOT_NOW:
                # Too many are out, or a leader changed: the server does not wait for either to end.
                await self._clock.sleep(min(PAUSE_SECONDS, until - now))
        return found

    async def _ask(self, spec: ConsumerSpec, limit: int, linger: float | None) -> tuple[list[Msg], int]:
        found: list[Msg] = []
        lane: _Lane | None = None
        is_clean = False
        try:
            async with asyncio.timeout(min(TRY_SECONDS, self._settings.request_seconds) + (linger or 0.0)):
                lane = self._idle.pop() if self._idle else await self._new_lane()
                await lane.send(spec, limit, linger)
                answer = await self._receive(spec, lane, found) if linger is None else await lane.receive(found)
                is_clean = answer is not None
        except TimeoutError:
            return found, _NOBODY
        except NatsError as error:
            if not is_passing(error):
                raise as_fault(error, f"fetch from stream {spec.stream}") from error
            return found, _NOBODY
        finally:
            # What a request that was left brings later must not be taken for an answer to the next.
            if lane is not None:
                await self._give_back(lane, is_clean=is_clean)
        return found, _NOT_NOW if answer is None else self._checked(spec, *answer)

    async def _new_lane(self) -> _Lane:
        lane = _Lane(self._connection.client)
        await lane.open()
        return lane

    async def _give_back(self, lane: _Lane, *, is_clean: bool) -> None:
        if is_clean and lane.is_of(self._connection.client):
            self._idle.append(lane)
            return
        # On a connection that was cut there is nothing to leave.
        with contextlib.suppress(NatsError):
            await lane.close()

    async def _receive(self, spec: ConsumerSpec, lane: _Lane, found: list[Msg]) -> tuple[int, str] | None:
        """Return as ``lane.receive``, or None when nothing more comes because too many messages are out already.

        JetStream says nothing in that case: the request waits with it, until nobody listens for its answer.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_QUIET_SECONDS):
                    return await lane.receive(found)
            seen = await self._connection.streams.consumer_info(spec.stream, spec.name)
            if (seen.num_ack_pending or 0) >= spec.unacked_limit:
                return None

    def _checked(self, spec: ConsumerSpec, status: int, said: str) -> int:
        if status == _NOT_NOW and "Deleted" in said:
            raise _gone(spec)
        if status and status not in (_NOTHING, _OVER, _NOT_NOW, _NOBODY):
            raise UnavailableError(f"cannot fetch from stream {spec.stream}: {status} {said}")
        return status

    async def _check_there(self, spec: ConsumerSpec, patience: float) -> None:
        if patience <= 0:
            cause = "nobody answers" if self._connection.is_up.is_set() else "NATS cannot be reached"
            raise UnavailableError(f"cannot fetch from stream {spec.stream}: {cause}")
        try:
            await self._connection.streams.consumer_info(spec.stream, spec.name, timeout=max(0.1, min(patience, 2.0)))
        except NoConsumerError:
            raise _gone(spec) from None
        except (NatsError, TimeoutError):
            # No leader of the API either: asked again, within the deadline.
            return


def _gone(spec: ConsumerSpec) -> NotFoundError:
    return NotFoundError(f"cannot find consumer {spec.name} of stream {spec.stream}")
