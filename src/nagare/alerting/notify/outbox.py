"""Sends what waits: every notice to its channel once at least, and to nobody's harm twice, as a repeat carries the same id.

What is kept in the records is what counts; the queues here only say what to look at next. A message is read again before it is sent
and noted after it: who dies between sends it again. Only who judges sends, under the same lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

from nagare.alerting.notify.brief import Waiting
from nagare.alerting.notify.events import dead_event, refused_event
from nagare.alerting.notify.fanout import fall_back
from nagare.alerting.notify.lanes import Lane
from nagare.alerting.notify.observe import NoObserver, Observer
from nagare.alerting.notify.room import Book, Ways
from nagare.alerting.notify.store import Bounds, NotifyStore
from nagare.alerting.notify.trying import attempt_of, fate_of, try_to_send
from nagare.alerting.store import Mandate
from nagare.errors import NagareError
from nagare.lib.alarm import Alarm
from nagare.lib.backoff import RETRY_AFTER_LIMIT_SECONDS
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.frames import frames_of
from nagare.model.event import Event
from nagare.model.notify.notice import Attempt, Delivery, DeliveryState
from nagare.model.notify.receiver import Channel
from nagare.model.notify.sending import NotSent, Sent

log = logging.getLogger(__name__)
Tell = Callable[[Event], None]
# More than these are of a storm or of weeks without a network: what comes then is kept as dead, and said to be.
WAITING_LIMIT = 20_000
# Of one channel so many: one that is dead for days must not leave the others without room.
CHANNEL_LIMIT = 2_000
# As many messages are on their way at one time; channels that fail leave the rest to those that do not.
AT_ONCE, FAILING_AT_ONCE = 16, 12
# A page on which an incident is acknowledged is good for as long.
_ACK_MS = 7 * 86_400_000
_PAGE = 1000
_AGAIN_SECONDS = 5.0
_LONGEST_SECONDS = 300.0
_IDLE_SECONDS = 60.0
# A server that stops waits so long for channels to answer, so that fewer messages are sent again.
_PARTING_SECONDS = 2.0
GONE = "its channel is not in the configuration any more"


@dataclass(frozen=True, slots=True)
class Tools:
    """What a test replaces, and where is counted; ``chance`` spreads the tries of what fails."""

    clock: Clock
    counters: Counters
    observer: Observer = field(default_factory=NoObserver)
    chance: Random = field(default_factory=Random)


class Outbox:
    """The queues of all channels; ``run`` sends until cancelled."""

    def __init__(self, store: NotifyStore, book: Book, ways: Ways, tell: Tell, tools: Tools) -> None:
        """Keep the parts; nothing waits before ``lead``. ``tell`` hears of what died."""
        self._store = store
        self._book = book
        self._ways = ways
        self._tell = tell
        self._clock, self._counters = tools.clock, tools.counters
        self._observer, self._chance = tools.observer, tools.chance
        self._mandate: Mandate | None = None
        # Of channels, who has waited longest for a turn comes first.
        self._lanes: dict[str, Lane] = {}
        self._out: set[asyncio.Task[None]] = set()
        # By id which lane it left, of what is on its way, also since a term that is over: nothing goes out twice at one time.
        self._left: dict[str, tuple[Lane, asyncio.Task[None]]] = {}
        self._alarm = Alarm(tools.clock)

    @property
    def bounds(self) -> Bounds:
        """How many may wait, and who is told instead of those that may not."""
        notifying = self._book.notifying
        return Bounds(WAITING_LIMIT, CHANNEL_LIMIT, lambda dead: fall_back(notifying, dead, dead.made_ms))

    async def lead(self, mandate: Mandate) -> None:
        """Send from now on, in that term; read what waits."""
        self._lanes, self._mandate = {}, mandate
        await self.follow()

    def rest(self) -> None:
        """Send nothing more: another server does."""
        self._lanes, self._mandate = {}, None

    async def follow(self) -> None:
        """Read what waits, as others left it."""
        last: Waiting | None = None
        while page := await self._store.load_waiting(last, _PAGE):
            for waiting in page:
                self._queue(waiting)
            last = page[-1]
        self._alarm.ring()

    def take(self, made: list[Delivery]) -> None:
        """Send deliveries that were kept; tell of those for which there was no room."""
        refused = [one for one in made if one.state is DeliveryState.DEAD]
        for delivery in made:
            if delivery.state is DeliveryState.WAITING and self._mandate is not None:
                self._queue(Waiting.of(delivery))
        if refused:
            self._counters.add("notifications_dead", len(refused))
            log.warning("notifications_not_taken count=%d: %s", len(refused), refused[0].fault)
            self._tell(refused_event(refused))
        self._alarm.ring()

    def hasten(self, delivery: Delivery) -> None:
        """Send one now that somebody wants to be tried again."""
        self.take([delivery])
        if (lane := self._lanes.get(delivery.channel)) is not None:
            lane.hasten(delivery.id, self._clock.monotonic())

    def discard(self, delivery: Delivery) -> None:
        """Send one no more."""
        if (lane := self._lanes.get(delivery.channel)) is not None:
            lane.discard(delivery.id)
        self._alarm.ring()

    def waiting(self) -> dict[str, int]:
        """Return how many wait for each channel."""
        return {channel: len(lane) for channel, lane in self._lanes.items()}

    def oldest_ms(self) -> int | None:
        """Return when that was made which waits for the longest, None where nothing does."""
        return min((one.made_ms for lane in self._lanes.values() for one in lane.all()), default=None)

    async def run(self) -> None:
        """Send what is due, until cancelled; what is on its way then has a moment to arrive, or is sent again after the next start."""
        async with asyncio.TaskGroup() as sends:
            try:
                while True:
                    self._alarm = Alarm(self._clock)
                    await self._alarm.wait(self._start_due(sends))
            finally:
                if self._out:
                    await asyncio.wait(self._out, timeout=_PARTING_SECONDS)

    def _queue(self, waiting: Waiting) -> None:
        lane = self._lanes.setdefault(waiting.channel, Lane())
        if (left := self._left.get(waiting.id)) is not None and left[0] is not lane:
            # It is on its way since an earlier term; once it is back it is looked at again.
            return
        wait = min(max(0.0, (waiting.due_ms - self._clock.now_ms()) / 1000), _LONGEST_SECONDS)
        lane.add(waiting, self._clock.monotonic() + wait)

    def _start_due(self, sends: asyncio.TaskGroup) -> float:
        """Start what may be sent now, one of each channel in turn; return after how long the next may be."""
        nearest, is_any = _IDLE_SECONDS, True
        failing = sum(one.out for one in self._lanes.values() if one.is_failing)
        while is_any:
            is_any, nearest = False, _IDLE_SECONDS
            for key, lane in list(self._lanes.items()):
                if len(self._out) >= AT_ONCE:
                    # Whoever comes back rings.
                    return _IDLE_SECONDS
                now = self._clock.monotonic()
                channel = self._book.notifying.channel(key)
                moment = lane.next_moment(None if channel is None else channel.per_minute, now)
                if moment is None or (lane.is_failing and failing >= FAILING_AT_ONCE):
                    continue
                if moment > now:
                    nearest = min(nearest, moment - now)
                    continue
                is_any = True
                failing += lane.is_failing
                self._start(sends, key, lane, lane.take(now))
        return nearest

    def _start(self, sends: asyncio.TaskGroup, key: str, lane: Lane, waiting: Waiting) -> None:
        # To the end: who is slow must not have every place that becomes free.
        self._lanes[key] = self._lanes.pop(key)
        task = sends.create_task(self._deliver(lane, waiting), name=f"notify-{key}")
        self._out.add(task)
        self._left[waiting.id] = lane, task
        task.add_done_callback(partial(self._ended, lane, waiting))

    def _ended(self, lane: Lane, waiting: Waiting, task: asyncio.Task[None]) -> None:
        """Give a place back, whatever a send came to: one that was cancelled may not even have begun."""
        self._out.discard(task)
        if (left := self._left.get(waiting.id)) is not None and left[1] is task:
            del self._left[waiting.id]
        if task.cancelled() or task.exception() is not None:
            lane.again(waiting, self._clock.monotonic())
        if self._mandate is not None and self._lanes.get(waiting.channel) is not lane:
            self._queue(waiting)
        self._alarm.ring()

    async def _deliver(self, lane: Lane, waiting: Waiting) -> None:
        """Send one, and note what came of it. Whatever fails, its incident is let go on."""
        mandate = self._mandate
        try:
            found = await self._store.find(waiting.id, mandate)
            if mandate is None or found is None or found[0].state is not DeliveryState.WAITING:
                lane.finish(waiting)
            elif (channel := self._book.notifying.channel(waiting.channel)) is None:
                await self._abandon(lane, waiting, mandate, found[0])
            else:
                await self._send(lane, waiting, channel, *found)
        except NagareError as error:
            self._put_back(lane, waiting, error.message)
        except Exception as error:  # noqa: BLE001  a row that nobody can read, or a bug: it costs this delivery its time, and no other one
            self._put_back(lane, waiting, frames_of(error))

    def _put_back(self, lane: Lane, waiting: Waiting, fault: str) -> None:
        self._counters.add("outbox_failed")
        log.warning("notification_not_sent id=%s: %s", waiting.id, fault)
        lane.again(waiting, self._clock.monotonic() + _AGAIN_SECONDS)
        self._observer.step("put_back")

    async def _abandon(self, lane: Lane, waiting: Waiting, mandate: Mandate, delivery: Delivery) -> None:
        """Give up one whose channel is gone; who is named as its receiver's fallback is told instead."""
        now_ms = self._clock.now_ms()
        after = replace(delivery, state=DeliveryState.DROPPED, done_ms=now_ms, fault=GONE)
        instead = fall_back(self._book.notifying, after, now_ms)
        made = await self._store.abandon(after, instead, mandate, self.bounds)
        self._observer.step("dropped")
        lane.finish(waiting)
        if made is None:
            return
        self._counters.add("notifications_dropped")
        log.warning("notification_dropped id=%s channel=%s: %s", after.id, after.channel, GONE)
        self._tell(dead_event(after))
        self.take(made)

    async def _send(self, lane: Lane, waiting: Waiting, channel: Channel, delivery: Delivery, ref: str) -> None:
        self._observer.step("read")
        at_ms, began = self._clock.now_ms(), self._clock.monotonic()
        ack_url = self._ways.ack_url(waiting.incident, channel.key, at_ms + _ACK_MS)
        answer = await try_to_send(self._ways.sender, channel, delivery, ref, ack_url)
        self._observer.step("sent")
        took_ms = round((self._clock.monotonic() - began) * 1000)
        after, wait = fate_of(delivery, answer, self._clock.now_ms(), self._chance)
        self._judge(lane, answer)
        instead = []
        if after.state is DeliveryState.DEAD:
            instead = fall_back(self._book.notifying, after, self._clock.now_ms())
        made = await self._noted(attempt_of(after, at_ms, took_ms, answer), after, instead)
        self._observer.step("noted")
        if made is None:
            lane.finish(waiting)
            return
        if after.state is DeliveryState.WAITING:
            lane.again(waiting, self._clock.monotonic() + wait)
        else:
            lane.finish(waiting)
        self._count(after)
        self.take(made)

    async def _noted(self, attempt: Attempt, after: Delivery, instead: list[Delivery]) -> list[Delivery] | None:
        """Keep what came of a try, however long the records are away: it was sent, and must not be sent again for want of a note.

        Under the term that is now: this server may have lost the lease meanwhile, and got it again.
        """
        while (mandate := self._mandate) is not None:
            try:
                return await self._store.note(attempt, after, instead, mandate, self.bounds)
            except NagareError as error:
                self._counters.add("outbox_failed")
                log.warning("notification_not_noted id=%s: %s", after.id, error.message)
            await self._clock.sleep(_AGAIN_SECONDS)
        return None

    def _judge(self, lane: Lane, answer: Sent | NotSent) -> None:
        """Note how a channel does."""
        # Who refuses one message for good answers, and may take the next.
        lane.is_failing = isinstance(answer, NotSent) and not answer.is_final
        if isinstance(answer, NotSent) and answer.after_seconds is not None:
            seconds = min(max(0.0, answer.after_seconds), RETRY_AFTER_LIMIT_SECONDS)
            lane.pause(self._clock.monotonic() + seconds)

    def _count(self, after: Delivery) -> None:
        if after.state is DeliveryState.SENT:
            self._counters.add("notifications_sent")
            return
        self._counters.add("notifications_failed")
        if after.state is DeliveryState.DEAD:
            self._counters.add("notifications_dead")
            log.warning("notification_dead id=%s channel=%s: %s", after.id, after.channel, after.fault)
            self._tell(dead_event(after))
