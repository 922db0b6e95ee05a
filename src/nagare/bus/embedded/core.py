"""What the verbs of the bus do to streams and consumers. The writing thread alone calls it, inside a transaction of a group.

Nothing of a group is known outside before its commit; when that fails, ``load`` makes everything anew from the database.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from nagare.bus.dead import dead_letter, worn_out
from nagare.bus.embedded.database import Database
from nagare.bus.embedded.state import ConsumerState, Pending, Row, StreamState, size_of
from nagare.bus.embedded.window import IDS_LIMIT, IdWindow
from nagare.bus.message import Message
from nagare.bus.protocol import Ack, ConsumerSpec
from nagare.bus.streams import DEAD, Full, Streams, StreamSpec
from nagare.bus.subjects import Pattern
from nagare.errors import NotFoundError, OverloadedError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters

# Of one fetch: messages that are looked at, and bytes that are handed out. What is more waits for the next.
_SCAN_ROWS = 1000
_FETCH_BYTES = 8 * 2**20
# Old messages that go in one transaction: publishers wait for it some milliseconds.
PRUNE_ROWS = 2000

# The stream, the subject there, the message.
Routed = tuple[StreamSpec, str, Message]


@dataclass(slots=True)
class Taken:
    """What a fetch found: (message, seq, attempt, Unix milliseconds). ``is_more``: it stopped before it had looked at all.

    ``due_in``: seconds after which something comes again, if anything will.
    """

    messages: list[tuple[Message, int, int, int]] = field(default_factory=list)
    is_more: bool = False
    due_in: float | None = None


class Core:
    """Streams and consumers as the group that is being committed sees them."""

    def __init__(self, database: Database, streams: Streams, clock: Clock, counters: Counters) -> None:
        """Prepare; ``load`` comes first."""
        self._database = database
        self._streams = streams
        self._clock = clock
        self.counters = counters
        self._states: dict[str, StreamState] = {}
        # Numbers of consumers for which something may have come in the group: who waits looks again.
        self.woken: set[int] = set()
        # Messages that the group stores, kept while somebody looks at them live.
        self.is_watched = False
        self.shown: list[Row] = []

    def load(self) -> None:
        """Know what the database says, in a transaction of its own; consumers that were open stay so."""
        open_specs = [consumer.spec for state in self._states.values() for consumer in state.consumers.values()]
        self._states = {}
        self._database.begin()
        for spec in self._streams.specs:
            self._states[spec.name] = self._loaded(spec)
        for consumer_spec in open_specs:
            # One that was made in a group that failed was never there.
            if self._find_row(self._states[consumer_spec.stream], consumer_spec.name) is not None:
                self.open_consumer(consumer_spec, is_new_start=False)
        self._database.commit()
        self.woken, self.shown = set(), []

    def publish(self, routed: Sequence[Routed]) -> list[Ack]:
        """Number and keep messages that are not known by their ids. Raises OverloadedError, and keeps none."""
        if routed and all(spec is routed[0][0] for spec, _, _ in routed):
            return self._publish(
                self._states[routed[0][0].name], [(subject, message) for _, subject, message in routed]
            )
        return self._publish_apart(routed)

    def fetch(self, stream: str, name: str, limit: int) -> Taken:
        """Deliver up to ``limit`` messages: those that are due again, then new ones."""
        state, consumer = self._find_consumer(stream, name)
        now, taken = self._clock.monotonic(), Taken()
        self._take_due(state, consumer, now, limit, taken)
        room = min(limit - len(taken.messages), consumer.spec.unacked_limit - len(consumer.pending))
        if room > 0 and not taken.is_more:
            self._take_new(state, consumer, now, room, taken)
        due = consumer.next_due()
        taken.due_in = None if due is None else max(0.0, due - now)
        return taken

    def ack(self, stream: str, name: str, seq: int, _attempt: int) -> None:
        """Let go of a message for ever."""
        _, consumer = self._find_consumer(stream, name)
        if consumer.let_go(seq) is not None:
            # There may be room for one more now.
            self.woken.add(consumer.id)

    def nak(self, stream: str, name: str, seq: int, attempt: int, delay_seconds: float) -> None:
        """Make a message due after a delay, or a dead letter if it was its last delivery."""
        state, consumer = self._find_consumer(stream, name)
        pending = consumer.pending.get(seq)
        if pending is None or pending.attempts != attempt:
            return
        self.woken.add(consumer.id)
        if attempt >= consumer.spec.deliver_limit:
            self._bury(state, consumer, seq, worn_out(attempt))
            return
        consumer.hold(seq, Pending(attempt, self._clock.monotonic() + delay_seconds, is_delayed=True))

    def term(self, stream: str, name: str, seq: int, _attempt: int, reason: str) -> None:
        """Make a message a dead letter."""
        state, consumer = self._find_consumer(stream, name)
        if seq in consumer.pending:
            self._bury(state, consumer, seq, reason)
            self.woken.add(consumer.id)

    def extend(self, stream: str, name: str, seq: int, attempt: int) -> None:
        """Start the deadline of a delivery anew."""
        _, consumer = self._find_consumer(stream, name)
        pending = consumer.pending.get(seq)
        if pending is not None and pending.attempts == attempt:
            consumer.hold(seq, Pending(attempt, self._clock.monotonic() + consumer.spec.ack_seconds))

    def open_consumer(self, spec: ConsumerSpec, *, is_new_start: bool = True) -> tuple[int, int]:
        """Make the consumer, or let it be as ``spec`` says; return its number and that of its stream."""
        state = self._states[spec.stream]
        known = state.consumers.get(spec.name)
        if known is not None:
            known.spec, known.patterns = spec, [Pattern(text) for text in spec.subjects]
            return known.id, state.id
        row = self._find_row(state, spec.name)
        if row is None:
            cursor = state.last_seq if spec.only_new else state.first_seq - 1
            row = (self._database.add_consumer(state.id, spec.name, cursor), spec.name, cursor)
        consumer = ConsumerState(row[0], spec, row[2], patterns=[Pattern(text) for text in spec.subjects])
        self._load_pending(consumer, is_new_start=is_new_start)
        state.consumers[spec.name] = consumer
        return consumer.id, state.id

    def remove_consumer(self, stream: str, name: str) -> None:
        """Forget a consumer. Raises NotFoundError."""
        state = self._states[stream]
        row = self._find_row(state, name)
        if row is None:
            raise _no_consumer(stream, name)
        state.consumers.pop(name, None)
        self._database.remove_consumer(row[0])
        self.woken.add(row[0])

    def progress(self, stream: str, name: str) -> tuple[int, int, int]:
        """Return how many messages stand behind the cursor of a consumer, the cursor, and how many are out."""
        state, consumer = self._find_consumer(stream, name)
        cursor = max(consumer.cursor, state.first_seq - 1)
        return state.last_seq - cursor, cursor, len(consumer.pending)

    def read(self, stream: str, after: int, limit: int) -> list[Row]:
        """Return messages behind ``after``."""
        state = self._states[stream]
        self._write_rows(state)
        return list(self._database.read(state, after, limit))

    def prune(self) -> bool:
        """Remove a bounded number of messages that are too old; tell whether there are more."""
        now_ms, is_more = self._clock.now_ms(), False
        for state in self._states.values():
            state.ids.forget(now_ms)
            cutoff_ms = now_ms - int(state.spec.keep_seconds * 1000)
            is_more |= self._remove_older(state, cutoff_ms)
        return is_more

    def take_told(self) -> tuple[set[int], list[Row]]:
        """Return who may have something new, and what those who look on are shown; both begin anew."""
        told = self.woken, self.shown
        self.woken, self.shown = set(), []
        return told

    def flush(self) -> None:
        """Write what the group changed; the commit follows."""
        now, now_ms = self._clock.monotonic(), self._clock.now_ms()
        for state in self._states.values():
            self._write_rows(state)
            if state.is_changed:
                self._bound(state)
                self._database.write_stream(state)
                state.is_changed = False
            for consumer in state.consumers.values():
                if consumer.dirty or consumer.is_moved:
                    self._database.write_consumer(consumer, now, now_ms)
                    consumer.dirty.clear()
                    consumer.is_moved = False

    def _find_row(self, state: StreamState, name: str) -> tuple[int, str, int] | None:
        return next((row for row in self._database.consumer_rows(state.id) if row[1] == name), None)

    def _loaded(self, spec: StreamSpec) -> StreamState:
        number, first, last, size, last_ms = self._database.stream_row(spec.name)
        state = StreamState(number, spec, IdWindow(spec.duplicate_seconds), first, last, size, last_ms)
        since_ms = self._clock.now_ms() - int(spec.duplicate_seconds * 1000)
        found = self._database.read_ids(state, since_ms, IDS_LIMIT)
        # Messages of one commit share their time, and leave the window together.
        for ts_ms, group in groupby(reversed(found), key=itemgetter(1)):
            fresh = {message_id: seq for seq, _, message_id in group}
            state.ids.add(ts_ms, {name: seq for name, seq in fresh.items() if state.ids.find(name) is None})
        return state

    def _load_pending(self, consumer: ConsumerState, *, is_new_start: bool) -> None:
        now, now_ms = self._clock.monotonic(), self._clock.now_ms()
        for seq, attempts, due_ms, is_delayed in self._database.pending_rows(consumer.id):
            # Whoever had it when the process ended is gone, so it need not wait for its deadline. Delays go on, as
            # far as a clock that was set back meanwhile can be believed.
            wait = (due_ms - now_ms) / 1000 if is_delayed or not is_new_start else 0.0
            limit = 86_400.0 if is_delayed else consumer.spec.ack_seconds
            consumer.hold(seq, Pending(attempts, now + min(max(wait, 0.0), limit), bool(is_delayed)))
        consumer.dirty.clear()

    def _publish(self, state: StreamState, messages: Sequence[tuple[str, Message]]) -> list[Ack]:
        name, seq, find = state.spec.name, state.last_seq, state.ids.find
        now_ms = max(state.last_ms, self._clock.now_ms())
        state.ids.forget(now_ms)
        acks, fresh, rows = [], dict[str, int](), list[Row]()
        for subject, message in messages:
            known = find(message.id) or fresh.get(message.id)
            if known is not None:
                acks.append(Ack(name, known, True))  # noqa: FBT003  a tuple of three
                continue
            seq += 1
            fresh[message.id] = seq
            headers = json.dumps(dict(message.headers)) if message.headers else None
            rows.append((seq, now_ms, subject, message.id, message.key, headers, message.data))
            acks.append(Ack(name, seq, False))  # noqa: FBT003
        if rows:
            self._keep(state, rows, fresh)
        return acks

    def _keep(self, state: StreamState, rows: list[Row], fresh: dict[str, int]) -> None:
        size = sum(map(size_of, rows))
        if state.spec.full is Full.REJECT:
            self._check_room(state, len(rows), size)
        if forgotten := state.ids.add(rows[0][1], fresh):
            self.counters.add("ids_forgotten_early", forgotten)
        state.last_seq, state.last_ms = rows[-1][0], rows[0][1]
        state.bytes += size
        state.is_changed = True
        state.unwritten += rows
        if self.is_watched:
            self.shown += rows
        self.woken.update(consumer.id for consumer in state.consumers.values())

    def _check_room(self, state: StreamState, count: int, size: int) -> None:
        spec = state.spec
        if state.count + count > spec.limit_messages or state.bytes + size > spec.limit_bytes:
            self.counters.add("messages_rejected", count)
            raise OverloadedError(
                f"cannot publish to stream {spec.name}: it is full ({state.count} messages, {state.bytes} bytes)",
                hint="messages leave it by age; see that what reads it keeps up",
            )

    def _publish_apart(self, routed: Sequence[Routed]) -> list[Ack]:
        by_stream: dict[str, list[int]] = {}
        for index, (spec, _, _) in enumerate(routed):
            by_stream.setdefault(spec.name, []).append(index)
        # All or none: what rejects is asked before anything is kept.
        for name, indexes in by_stream.items():
            state = self._states[name]
            if state.spec.full is Full.REJECT:
                fresh = {
                    routed[i][2].id: len(routed[i][2].data) for i in indexes if not state.ids.find(routed[i][2].id)
                }
                self._check_room(state, len(fresh), sum(fresh.values()))
        acks: dict[int, Ack] = {}
        for name, indexes in by_stream.items():
            stored = self._publish(self._states[name], [routed[index][1:] for index in indexes])
            acks.update(zip(indexes, stored, strict=True))
        return [acks[index] for index in range(len(routed))]

    def _take_due(self, state: StreamState, consumer: ConsumerState, now: float, limit: int, taken: Taken) -> None:
        spec, size = consumer.spec, 0
        for seq, pending in consumer.pop_due(now):
            if seq < state.first_seq:
                consumer.let_go(seq)
            elif pending.attempts >= spec.deliver_limit:
                self._bury(state, consumer, seq, worn_out(pending.attempts))
            else:
                row = self.read(state.spec.name, seq - 1, 1)[0]
                consumer.hold(seq, Pending(pending.attempts + 1, now + spec.ack_seconds))
                taken.messages.append((as_message(row), seq, pending.attempts + 1, row[1]))
                size += len(row[6])
                if len(taken.messages) >= limit or size >= _FETCH_BYTES:
                    taken.is_more = True
                    return

    def _take_new(self, state: StreamState, consumer: ConsumerState, now: float, room: int, taken: Taken) -> None:
        self._write_rows(state)
        rows, size, looked_at = _SCAN_ROWS if consumer.patterns else room, 0, 0
        due = now + consumer.spec.ack_seconds
        for row in self._database.read(state, consumer.cursor, rows):
            looked_at += 1
            consumer.cursor, consumer.is_moved = row[0], True
            if not consumer.wants(row[2]):
                continue
            consumer.hold(row[0], Pending(1, due))
            taken.messages.append((as_message(row), row[0], 1, row[1]))
            room -= 1
            size += len(row[6])
            if not room or size >= _FETCH_BYTES:
                break
        taken.is_more = looked_at >= rows or size >= _FETCH_BYTES

    def _bury(self, state: StreamState, consumer: ConsumerState, seq: int, reason: str) -> None:
        pending = consumer.let_go(seq)
        rows = self.read(state.spec.name, seq - 1, 1)
        if pending is None or not rows or rows[0][0] != seq or state.spec is DEAD:
            return
        letter = dead_letter(consumer.spec, as_message(rows[0]), seq, pending.attempts, reason)
        self.counters.add("dead_letters")
        self._publish(self._states[DEAD.name], [(letter.subject, letter)])

    def _write_rows(self, state: StreamState) -> None:
        if state.unwritten:
            self._database.insert(state, state.unwritten)
            state.unwritten = []

    def _bound(self, state: StreamState) -> None:
        spec = state.spec
        if state.count > spec.limit_messages:
            self._remove(state, state.last_seq - spec.limit_messages + 1)
        while state.bytes > spec.limit_bytes and state.count > 1:
            size, until = state.bytes, state.first_seq
            for seq, row_size in self._database.oldest_sizes(state, PRUNE_ROWS):
                if size <= spec.limit_bytes:
                    break
                size, until = size - row_size, seq + 1
            self._remove(state, min(until, state.last_seq))

    def _remove_older(self, state: StreamState, cutoff_ms: int) -> bool:
        # Ages rise with places, so the first message to keep is found by halving.
        self._write_rows(state)
        low, high = state.first_seq, min(state.first_seq + PRUNE_ROWS, state.last_seq + 1)
        while low < high:
            middle = (low + high) // 2
            if self._database.time_of(state, middle) < cutoff_ms:
                low = middle + 1
            else:
                high = middle
        if low == state.first_seq:
            return False
        is_more = low - state.first_seq == PRUNE_ROWS
        self._remove(state, low)
        return is_more

    def _remove(self, state: StreamState, until: int) -> None:
        count = until - state.first_seq
        state.bytes -= self._database.remove_before(state, until)
        state.first_seq, state.is_changed = until, True
        self.counters.add("messages_removed", count)
        for consumer in state.consumers.values():
            for seq in [seq for seq in consumer.pending if seq < until]:
                consumer.let_go(seq)

    def _find_consumer(self, stream: str, name: str) -> tuple[StreamState, ConsumerState]:
        state = self._states[stream]
        consumer = state.consumers.get(name)
        if consumer is None:
            raise _no_consumer(stream, name)
        return state, consumer


def as_message(row: Row) -> Message:
    """Return the message of ``row``."""
    _, _, subject, message_id, key, headers, body = row
    return Message(subject, body, message_id, key, json.loads(headers) if headers else {})


def _no_consumer(stream: str, name: str) -> NotFoundError:
    return NotFoundError(f"cannot find consumer {name} of stream {stream}")
