"""Publishes to JetStream: gathers for up to a millisecond or a hundred messages, sends without waiting for each, and tries again.

A message is acknowledged when its stream says so, and never otherwise. What is not answered in time is sent again under
its id, which JetStream stores once within the stream's window.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js.errors import APIError, NoStreamResponseError

from nagare.bus.jetstream.connection import PAUSE_SECONDS, Connection, status_of
from nagare.bus.jetstream.faults import as_fault, is_passing
from nagare.bus.jetstream.wire import headers_of, read_ack
from nagare.bus.message import Message
from nagare.bus.protocol import Ack
from nagare.config.settings import BusSettings
from nagare.errors import BodyTooLargeError, NagareError, NotReadyError, OverloadedError, UnavailableError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.invariant import invariant
from nagare.lib.tasks import TaskSupervisor

GATHER_SECONDS = 0.001
GATHER_LIMIT = 100
# Sent and not answered; a stream's queue in the server holds ten thousand, from all its publishers.
_WINDOW = 2_000
# After so long without an answer a message is sent again: a cut or an election swallowed it, or its answer.
_AGAIN_SECONDS = 1.5
# What may wait for the servers; beyond it, OverloadedError.
QUEUE_LIMIT = 100_000
QUEUE_LIMIT_BYTES = 64 * 2**20


@dataclass(slots=True, eq=False)
class _Job:
    """One publish: (subject, message), the acks so far by place, and how many places are open.

    It is given up at ``until`` and tried again at ``again_at``, in monotonic seconds.
    """

    messages: Sequence[tuple[str, Message]]
    done: asyncio.Future[None]
    acks: list[Ack | None]
    left: int
    until: float
    again_at: float
    fault: BaseException | None = None
    # Why places were refused for now, of the last.
    passing: BaseException | None = None
    # Places that were sent and not answered, by token.
    tokens: dict[str, int] = field(default_factory=dict)


class Publisher:
    """Used on the event loop alone, between ``start`` and ``stop``."""

    def __init__(self, connection: Connection, settings: BusSettings, clock: Clock, counters: Counters) -> None:
        """Prepare."""
        self._connection = connection
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._queue: deque[tuple[_Job, int]] = deque()
        self._filled = asyncio.Event()
        self._roomy = asyncio.Event()
        self._sent: dict[str, _Job] = {}
        self._jobs: set[_Job] = set()
        self._numbers = count()
        self._inbox = ""
        self._waiting = self._size = 0
        self._is_open = False

    async def start(self, tasks: TaskSupervisor) -> None:
        """Listen for answers, and begin to send."""
        await self.listen()
        self._is_open = True
        tasks.supervise("bus-publish", self._run)
        tasks.supervise("bus-publish-again", self._look_after)

    async def listen(self) -> None:
        """Listen for answers on the present connection."""
        self._inbox = self._client.new_inbox()
        await self._client.subscribe(f"{self._inbox}.*", cb=self._hear)
        # What was sent before is not answered here.
        for job in self._jobs:
            self._send_again(job)

    def stop(self) -> None:
        """Take nothing any more; what waits raises NotReadyError."""
        self._is_open = False
        for job in self._jobs:
            _end(job, NotReadyError("cannot publish: the bus is closing"))

    async def publish(self, messages: Sequence[tuple[str, Message]]) -> list[Ack]:
        """Return an ack for each (subject, message). Raises OverloadedError, UnavailableError, and what the stream says."""
        if not self._is_open:
            raise NotReadyError("cannot publish: the bus is not open")
        size = sum(len(message.data) for _, message in messages)
        if self._waiting and (self._waiting + len(messages) > QUEUE_LIMIT or self._size + size > QUEUE_LIMIT_BYTES):
            self._counters.add("jobs_refused")
            raise OverloadedError(f"cannot publish: {self._waiting} messages wait already", retry_after_seconds=1.0)
        now = self._clock.monotonic()
        job = _Job(
            messages, asyncio.get_running_loop().create_future(), [None] * len(messages), len(messages),
            now + self._settings.publish_seconds, now + _AGAIN_SECONDS,
        )  # fmt: skip
        self._waiting += len(messages)
        self._size += size
        self._jobs.add(job)
        self._offer(job, range(len(messages)))
        try:
            await job.done
        finally:
            self._waiting -= len(messages)
            self._size -= size
            self._jobs.discard(job)
            self._forget(job)
        if job.fault is not None:
            raise _told(job)
        return [_certain(ack) for ack in job.acks]

    async def _look_after(self) -> None:
        while True:
            await self._clock.sleep(PAUSE_SECONDS)
            now = self._clock.monotonic()
            for job in [job for job in self._jobs if not job.done.done()]:
                if now >= job.until:
                    _end(job, self._no_answer(job))
                elif now >= job.again_at and self._connection.is_up.is_set():
                    job.again_at = now + _AGAIN_SECONDS
                    self._send_again(job)

    def _send_again(self, job: _Job) -> None:
        waiting = {index for other, index in self._queue if other is job}
        missing = [index for index, ack in enumerate(job.acks) if ack is None and index not in waiting]
        self._counters.add("messages_sent_again", len(missing))
        self._forget(job)
        job.passing = None
        self._offer(job, missing)

    def _forget(self, job: _Job) -> None:
        for token in job.tokens:
            self._sent.pop(token, None)
        job.tokens.clear()
        self._roomy.set()

    def _no_answer(self, job: _Job) -> NagareError:
        self._counters.add("publishes_given_up")
        what = f"{job.left} of {len(job.messages)} messages were not acknowledged within"
        cause = "" if self._connection.is_up.is_set() else f"; NATS cannot be reached: {self._connection.last_fault}"
        if job.passing is not None:
            cause = f"; {as_fault(job.passing, 'publish').message}"
        return UnavailableError(
            f"cannot publish: {what} {self._settings.publish_seconds:g} seconds{cause}",
            hint="publish again under the same ids: what is stored already is not stored twice",
        )

    def _offer(self, job: _Job, places: Sequence[int]) -> None:
        self._queue.extend((job, place) for place in places)
        if places:
            self._filled.set()

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            await self._connection.is_up.wait()
            if self._sent and len(self._queue) < GATHER_LIMIT:
                # Those who publish one at a time share the write; who is alone does not wait for others.
                await asyncio.sleep(GATHER_SECONDS)
            self._filled.clear()
            for _ in range(min(len(self._queue), GATHER_LIMIT)):
                job, place = self._queue.popleft()
                # What was given up meanwhile must not be sent, nor count as unanswered.
                if not job.done.done():
                    await self._send(job, place)
            if self._queue:
                self._filled.set()
            while len(self._sent) >= _WINDOW:
                self._roomy.clear()
                await self._roomy.wait()

    async def _send(self, job: _Job, place: int) -> None:
        token = f"{next(self._numbers):x}"
        subject, message = job.messages[place]
        self._sent[token] = job
        job.tokens[token] = place
        try:
            await self._client.publish(subject, message.data, f"{self._inbox}.{token}", headers_of(message))
        except MaxPayloadError:
            limit = self._client.max_payload
            self._settle(
                token, BodyTooLargeError(f"cannot publish message {message.id}: NATS takes {limit} bytes at most")
            )
        except (NatsError, OSError) as error:
            self._settle(token, error)

    async def _hear(self, answer: Msg) -> None:
        token = answer.subject.rpartition(".")[2]
        if token not in self._sent:
            # Late: it was sent again, or given up.
            return
        try:
            self._settle(token, read_ack(answer.data) if not status_of(answer)[0] else NoStreamResponseError())
        except APIError as error:
            self._settle(token, error)

    def _settle(self, token: str, answer: Ack | BaseException) -> None:
        job = self._sent.pop(token)
        place = job.tokens.pop(token)
        if isinstance(answer, Ack):
            job.acks[place] = answer
            job.left -= 1
            if not job.left:
                _end(job)
        elif is_passing(answer):
            # Soon again, unlike what is not answered at all.
            job.passing, job.again_at = answer, self._clock.monotonic() + PAUSE_SECONDS
        else:
            # The others are waited for no longer: their acks would change nothing for the caller.
            _end(job, answer)
        if len(self._sent) == _WINDOW - 1:
            self._roomy.set()

    @property
    def _client(self) -> Client:
        return self._connection.client


def _told(job: _Job) -> NagareError:
    fault = job.fault
    assert fault is not None
    if isinstance(fault, NagareError):
        return fault
    return as_fault(fault, f"publish under {job.messages[0][0]}")


def _end(job: _Job, fault: BaseException | None = None) -> None:
    if not job.done.done():
        job.fault = fault
        job.done.set_result(None)


def _certain(ack: Ack | None) -> Ack:
    invariant(ack is not None, "a publish that is done has an ack for each message")
    assert ack is not None
    return ack
