"""The bus beside a model that is a few dictionaries: hypothesis decides what happens, both must agree after every step.

Subclasses say which bus. One that turns the hands of its clock also lets deadlines pass.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nagare.bus.message import Message
from nagare.bus.protocol import Bus, Consumer, ConsumerSpec, Delivery, Lag
from nagare.lib.clock import ManualClock
from tests.support.buses import Store, lag_becomes

T = TypeVar("T")

ACK_SECONDS, DELIVER_LIMIT, UNACKED_LIMIT = 60.0, 3, 12
DUPLICATE_SECONDS = 120.0
KINDS = ("a", "b")
IDS = st.lists(st.integers(0, 40), min_size=1, max_size=6)


@dataclass
class Out:
    """A message in a consumer's hands, or waiting to come again."""

    attempts: int
    due: float


@dataclass
class Reader:
    """A consumer as it must be."""

    kinds: tuple[str, ...]
    cursor: int = 0
    out: dict[int, Out] = field(default_factory=dict)
    # What the test holds: the newest delivery of each message.
    held: dict[int, Delivery] = field(default_factory=dict)


class BusModel(RuleBasedStateMachine):
    """Publishes, fetches, acks, naks, gives up, lets time pass and starts anew."""

    clock: ManualClock | None = None

    def make_store(self) -> Store:
        """Return a fresh store."""
        raise NotImplementedError

    def await_(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on the machine's loop."""
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.store = self.make_store()
        # seq -> (id, kind), in order.
        self.stored: list[tuple[str, str]] = []
        self.stored_at: list[float] = []
        self.known: dict[str, int] = {}
        self.dead: list[tuple[str, str, str]] = []
        self.readers = {"all": Reader(KINDS), "some": Reader(("b",))}
        self.offset: int | None = None
        self.naks = 0
        self.bus: Bus
        self._open()

    @rule(numbers=IDS, kind=st.sampled_from(KINDS))
    def publish(self, numbers: list[int], kind: str) -> None:
        acks = self.await_(self.bus.publish([self._message(number, kind) for number in numbers]))
        for number, ack in zip(numbers, acks, strict=True):
            known = self.known.get(f"m{number}")
            if known is not None and self._now() - self.stored_at[known] > DUPLICATE_SECONDS:
                known = None
            assert ack.duplicate == (known is not None)
            if known is None:
                known = len(self.stored)
                self.stored.append((f"m{number}", kind))
                self.stored_at.append(self._now())
                self.known[f"m{number}"] = known
            # Places begin anywhere and rise by one.
            self.offset = ack.seq - known if self.offset is None else self.offset
            assert ack.seq == known + self.offset

    @rule(name=st.sampled_from(["all", "some"]), limit=st.integers(1, 8))
    def fetch(self, name: str, limit: int) -> None:
        reader = self.readers[name]
        found = self.await_(self.consumers[name].fetch(limit))
        expected = self._fetched(name, reader, limit)
        assert [(self._place(one), one.attempt) for one in found] == expected
        for delivery in found:
            place = self._place(delivery)
            assert delivery.message.id == self.stored[place][0]
            assert delivery.message.subject == f"{self.store.work}.{self.stored[place][1]}"
            reader.held[place] = delivery

    def _fetched(self, name: str, reader: Reader, limit: int) -> list[tuple[int, int]]:
        now, found = self._now(), list[tuple[int, int]]()
        due = sorted((out.due, place) for place, out in reader.out.items() if out.due <= now)
        for _, place in due:
            if len(found) == limit:
                break
            out = reader.out[place]
            if out.attempts >= DELIVER_LIMIT:
                self._bury(name, place, f"delivered {out.attempts} times without an ack")
                continue
            reader.out[place] = Out(out.attempts + 1, now + ACK_SECONDS)
            found.append((place, out.attempts + 1))
        while reader.cursor < len(self.stored) and len(found) < limit and len(reader.out) < UNACKED_LIMIT:
            place = reader.cursor
            reader.cursor += 1
            if self.stored[place][1] in reader.kinds:
                reader.out[place] = Out(1, now + ACK_SECONDS)
                found.append((place, 1))
        return found

    @rule(name=st.sampled_from(["all", "some"]), which=st.integers(0, 99))
    def ack(self, name: str, which: int) -> None:
        if (picked := self._pick(name, which)) is not None:
            place, delivery = picked
            self.await_(delivery.ack())
            self.readers[name].out.pop(place, None)

    @rule(name=st.sampled_from(["all", "some"]), which=st.integers(0, 99))
    def nak(self, name: str, which: int) -> None:
        if (picked := self._pick(name, which)) is None:
            return
        place, delivery = picked
        self.await_(delivery.nak())
        out = self.readers[name].out.get(place)
        if out is not None and out.attempts == delivery.attempt:
            if out.attempts >= DELIVER_LIMIT:
                self._bury(name, place, f"delivered {out.attempts} times without an ack")
            else:
                self.readers[name].out[place] = Out(out.attempts, self._nak_time())

    @rule(name=st.sampled_from(["all", "some"]), which=st.integers(0, 99))
    def term(self, name: str, which: int) -> None:
        if (picked := self._pick(name, which)) is not None:
            place, delivery = picked
            self.await_(delivery.term("no use"))
            if place in self.readers[name].out:
                self._bury(name, place, "no use")

    @rule(name=st.sampled_from(["all", "some"]), which=st.integers(0, 99))
    def in_progress(self, name: str, which: int) -> None:
        if (picked := self._pick(name, which)) is not None:
            place, delivery = picked
            self.readers[name].held[place] = delivery
            self.await_(delivery.in_progress())
            out = self.readers[name].out.get(place)
            if out is not None and out.attempts == delivery.attempt:
                out.due = self._now() + ACK_SECONDS

    @precondition(lambda self: self.clock is not None)
    @rule(seconds=st.sampled_from([1.0, 30.0, ACK_SECONDS]))
    def let_time_pass(self, seconds: float) -> None:
        assert self.clock is not None
        self.await_(self.clock.advance(seconds))

    @rule()
    def start_anew(self) -> None:
        self._close()
        self._open()
        if self.clock is not None:
            # Whoever had it is gone, so it comes again at once.
            for reader in self.readers.values():
                for out in reader.out.values():
                    out.due = self._now()

    @invariant()
    def the_lag_is_what_it_must_be(self) -> None:
        if not hasattr(self, "consumers"):
            return
        for name, reader in self.readers.items():
            waiting = sum(kind in reader.kinds for _, kind in self.stored[reader.cursor :])
            self.await_(lag_becomes(self.consumers[name], Lag(waiting, len(reader.out))))

    @invariant()
    def the_dead_are_told(self) -> None:
        if not hasattr(self, "consumers"):
            return
        letters = self.await_(self.bus.dead_letters(self.store.work, limit=1000))
        assert [(one.consumer, one.message.id, one.reason) for one in letters] == self.dead

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self._close()
            self.runner.close()

    def _bury(self, name: str, place: int, reason: str) -> None:
        del self.readers[name].out[place]
        self.dead.append((name, self.stored[place][0], reason))

    def _pick(self, name: str, which: int) -> tuple[int, Delivery] | None:
        # A delivery is used once: to say something of it twice means nothing to JetStream.
        held = self.readers[name].held
        if not held:
            return None
        place = sorted(held)[which % len(held)]
        return place, held.pop(place)

    def _open(self) -> None:
        self.stack = contextlib.AsyncExitStack()
        self.bus = self.await_(self.stack.enter_async_context(self.store.open()))
        self.consumers: dict[str, Consumer] = {}
        for name, reader in self.readers.items():
            # The order of what comes again is not known after a start: the hands that held it are gone.
            reader.held.clear()
            subjects = () if reader.kinds == KINDS else tuple(f"{self.store.work}.{kind}" for kind in reader.kinds)
            spec = ConsumerSpec(
                self.store.work, name, subjects, ACK_SECONDS, DELIVER_LIMIT, unacked_limit=UNACKED_LIMIT
            )
            self.consumers[name] = self.await_(self.bus.consumer(spec))

    def _close(self) -> None:
        self.await_(self.stack.aclose())

    def _now(self) -> float:
        return self.clock.monotonic() if self.clock is not None else 0.0

    def _nak_time(self) -> float:
        # Without a clock that stands still between two naks, the first of them comes again first.
        self.naks += 1
        return self._now() if self.clock is not None else -1e9 + self.naks

    def _message(self, number: int, kind: str) -> Message:
        return self.store.message(f"m{number}", kind)

    def _place(self, delivery: Delivery) -> int:
        assert self.offset is not None
        return delivery.seq - self.offset
