"""What followers of a job see as it happens: its states, and the output of its commands in bounded rings.

A follower takes what is there when it comes; nothing waits for it. A ring that is full drops its oldest output, so that a
slow follower loses some and slows no agent; the offsets show where.
"""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile

from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.wire.commands import OutputChunk

# Of one command: what a host may send without being answered, so that who comes late misses little.
RING_BYTES = 2**18
# Of all commands together.
TOTAL_BYTES = 2**26
_TAKE_LIMIT = 200
# A sequence that goes on over a restart: no server says a thousand things a millisecond for long.
_SEQ_PER_MS = 1000


@dataclass(frozen=True, slots=True)
class Piece:
    """Output of one command, as plain text; ``offset`` counts bytes of the stream."""

    seq: int
    command_id: str
    stream: str
    offset: int
    text: str
    size: int


class _Decoder:
    """One stream's bytes to text: a character that is cut in two comes with the next piece."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._next = 0

    def decode(self, offset: int, data: bytes) -> tuple[int, str]:
        if offset != self._next:
            # Something between was not sent: half a character of before has no other half here.
            self._decoder.reset()
            self._next = offset
        pending = len(self._decoder.getstate()[0])
        self._next += len(data)
        return offset - pending, _plain_pieces(self._decoder.decode(data))


def _plain_pieces(text: str) -> str:
    if text.isascii() and text.replace("\n", "").isprintable():
        # Nearly all of it, and a flood has thousands of lines: nothing in them is harmful.
        return text
    # Unlike whole lines, a piece may begin and end within one: no line break is added or lost.
    return "\n".join(plain(line.replace("\t", "    ").removesuffix("\r")) for line in text.split("\n"))


@dataclass(slots=True)
class _Ring:
    pieces: deque[Piece] = field(default_factory=deque)
    size: int = 0
    decoders: dict[str, _Decoder] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Follower:
    """Who follows a job: how far, and whether there is more."""

    cursor: int
    # Of who follows: what is revoked sees nothing more.
    principal_id: str = ""
    # Why it must end, empty while it need not.
    ending: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, reason: str) -> None:
        """Ask it to end."""
        self.ending = self.ending or reason
        self.news.set()


@dataclass(slots=True)
class Feed:
    """One job as its followers see it."""

    last_seq: int = 0
    # By command: when its state changed last. Both in the order in which they changed, the last one last: a follower of a
    # job on a thousand hosts is woken thousands of times, and each time by a few of them.
    changed: dict[str, int] = field(default_factory=dict)
    rings: dict[str, _Ring] = field(default_factory=dict)
    followers: set[Follower] = field(default_factory=set)

    def take(self, follower: Follower) -> list[tuple[int, str, Piece | None]]:
        """Return what is new to ``follower``, in order: (sequence, command, output or None for a state); some at a time."""
        found = list[tuple[int, str, Piece | None]]()
        for command_id, seq in reversed(self.changed.items()):
            if seq <= follower.cursor:
                break
            found.append((seq, command_id, None))
        for command_id, ring in reversed(self.rings.items()):
            if ring.pieces and ring.pieces[-1].seq <= follower.cursor:
                break
            news = takewhile(lambda piece: piece.seq > follower.cursor, reversed(ring.pieces))
            found += [(piece.seq, command_id, piece) for piece in news]
        found.sort(key=lambda entry: entry[0])
        taken = found[:_TAKE_LIMIT]
        if taken:
            follower.cursor = taken[-1][0]
        return taken

    def note(self, command_id: str, seq: int) -> None:
        """Keep that a command changed its state."""
        self.changed.pop(command_id, None)
        self.changed[command_id] = seq

    def ring(self, command_id: str) -> _Ring:
        """Return the ring of a command that writes something now."""
        ring = self.rings.pop(command_id) if command_id in self.rings else _Ring()
        self.rings[command_id] = ring
        return ring

    def wake(self) -> None:
        """Tell the followers that there is something."""
        for follower in self.followers:
            follower.news.set()


class Feeds:
    """The feeds of all open jobs."""

    def __init__(self, clock: Clock, counters: Counters) -> None:
        """Begin with none."""
        self._clock = clock
        self._counters = counters
        self._feeds: dict[str, Feed] = {}
        self._size = 0

    def open(self, job_id: str) -> Feed:
        """Return the feed of a job, new if there is none yet."""
        return self._feeds.setdefault(job_id, Feed())

    def changed(self, job_id: str, command_ids: Iterable[str]) -> None:
        """Note that commands changed their state; nothing is kept where nobody follows and nothing was written."""
        feed = self._feeds.get(job_id)
        if feed is not None:
            for command_id in command_ids:
                feed.note(command_id, self._next(feed))
            feed.wake()

    def add(self, job_id: str, chunk: OutputChunk) -> None:
        """Keep output for followers."""
        feed = self.open(job_id)
        ring = feed.ring(chunk.id)
        offset, text = ring.decoders.setdefault(chunk.stream, _Decoder()).decode(chunk.offset, chunk.data)
        size = len(chunk.data)
        ring.pieces.append(Piece(self._next(feed), chunk.id, chunk.stream, offset, text, size))
        ring.size += size
        self._size += size
        while ring.pieces and (ring.size > RING_BYTES or self._size > TOTAL_BYTES):
            self._drop_oldest(feed, ring)
        feed.wake()

    def follow(self, job_id: str, after: int, principal_id: str) -> Follower:
        """Return a new follower of a job, who knows it up to the sequence ``after``."""
        follower = Follower(after, principal_id)
        self.open(job_id).followers.add(follower)
        return follower

    def unfollow(self, job_id: str, follower: Follower, *, is_over: bool) -> None:
        """Forget a follower, and with the last one the feed of a job that is over."""
        feed = self._feeds.get(job_id)
        if feed is not None:
            feed.followers.discard(follower)
            if is_over:
                self.close(job_id)

    def close(self, job_id: str) -> None:
        """Tell the followers of a job that is over; its feed goes with the last of them."""
        feed = self._feeds.get(job_id)
        if feed is None:
            return
        feed.wake()
        if not feed.followers:
            self._size -= sum(ring.size for ring in feed.rings.values())
            del self._feeds[job_id]

    def end_principals(self, ids: set[str]) -> None:
        """Ask followers to end whose credentials were revoked."""
        for feed in self._feeds.values():
            for follower in feed.followers:
                if follower.principal_id in ids:
                    follower.end("credentials were revoked")

    def end_all(self, reason: str) -> None:
        """Ask every follower to end."""
        for feed in self._feeds.values():
            for follower in feed.followers:
                follower.end(reason)

    def __len__(self) -> int:
        """Return how many followers there are."""
        return sum(len(feed.followers) for feed in self._feeds.values())

    def _drop_oldest(self, feed: Feed, ring: _Ring) -> None:
        oldest = ring.pieces.popleft()
        ring.size -= oldest.size
        self._size -= oldest.size
        if any(follower.cursor < oldest.seq for follower in feed.followers):
            self._counters.add("follower_bytes_dropped", oldest.size)

    def _next(self, feed: Feed) -> int:
        feed.last_seq = max(feed.last_seq + 1, self._clock.now_ms() * _SEQ_PER_MS)
        return feed.last_seq
