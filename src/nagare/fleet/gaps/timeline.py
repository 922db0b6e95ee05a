"""Which time of one host is missing, from the moments that arrived, in whatever order; pure.

An agent tells of itself at every interval. Two neighbouring moments that lie further apart than ``reach_ms`` have a gap
between them. What arrives later splits it: a part that is short enough was buffered, the rest stays a gap. So the parts
never overlap, each begins and ends at a moment that arrived, and none that is called down or dropped has one inside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nagare.model.gap import GapKind

# Beyond it the oldest are forgotten: an agent with a broken clock must not fill the records.
PIECES_LIMIT = 500
GIVEN_UP_LIMIT = 50
_ARRIVED = (GapKind.BUFFERED, GapKind.THINNED)


# Of a moment that was read from the samples, which do not know their batch; an agent's first batch is 1.
UNKNOWN_SEQ = 0


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment that arrived, Unix milliseconds, and the batch it came in; ``boot`` is one start of the agent."""

    at_ms: int
    boot: str
    seq: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a gap, between two moments that arrived."""

    start: Tick
    end: Tick
    kind: GapKind

    def settled(self) -> Piece:
        """Return the piece once nothing of it can still come: dropped by an agent that ran all the time, or down."""
        if self.kind is not GapKind.LATE:
            return self
        is_next = self.end.seq - self.start.seq == 1 and self.start.seq != UNKNOWN_SEQ
        has_run = self.start.boot == self.end.boot and not is_next
        return Piece(self.start, self.end, GapKind.DROPPED if has_run else GapKind.DOWN)


@dataclass(slots=True)
class Timeline:
    """The oldest and the newest moment of a host, and the pieces of its gaps in order of time."""

    first: Tick | None = None
    last: Tick | None = None
    pieces: list[Piece] = field(default_factory=list)
    # Spans that the agent gave up, Unix milliseconds; the newest few.
    given_up: list[tuple[int, int]] = field(default_factory=list)

    def take(self, low: Tick, high: Tick, reach_ms: int, *, is_all: bool, kind: GapKind = GapKind.BUFFERED) -> None:
        """Note that a batch brought all between two moments, which may be one; ``kind`` says how much that is.

        ``is_all``: its agent had nothing else waiting then. The same again changes nothing.
        """
        if self.first is None or self.last is None:
            self.first, self.last = (None, None) if kind is GapKind.THINNED else (low, high)
            return
        pieces = [part for piece in self.pieces for part in _without(piece, low, high, reach_ms, kind)]
        if kind is GapKind.THINNED:
            # It lies between moments that arrive by themselves.
            self.pieces = _joined(pieces)[-PIECES_LIMIT:]
            return
        if low.at_ms - self.last.at_ms > reach_ms:
            pieces.append(Piece(self.last, low, GapKind.LATE))
        if self.first.at_ms - high.at_ms > reach_ms:
            pieces.insert(0, Piece(high, self.first, GapKind.LATE))
        self.first = min(self.first, low, key=_moment)
        self.last = max(self.last, high, key=_moment)
        if is_all and self.last is high:
            pieces = [self._judged(piece.settled()) for piece in pieces]
        self.pieces = _joined(pieces)[-PIECES_LIMIT:]

    def give_up(self, from_ms: int, until_ms: int) -> None:
        """Note that the agent told of batches of that time that they will never arrive; the same again is nothing."""
        if (from_ms, until_ms) in self.given_up:
            return
        self.given_up = [*self.given_up[1 - GIVEN_UP_LIMIT :], (from_ms, until_ms)]
        self.pieces = [self._judged(piece) if piece.kind is GapKind.DOWN else piece for piece in self.pieces]

    def _judged(self, piece: Piece) -> Piece:
        """Return ``piece``, called dropped where the agent said so of most of it, though it was started anew since."""
        low, high = piece.start.at_ms, piece.end.at_ms
        is_given_up = any(2 * (min(high, until) - max(low, begin)) >= high - low for begin, until in self.given_up)
        return Piece(piece.start, piece.end, GapKind.DROPPED) if is_given_up and piece.kind is GapKind.DOWN else piece

    def forget_before(self, moment_ms: int) -> None:
        """Forget what ended before ``moment_ms``."""
        self.pieces = [piece for piece in self.pieces if piece.end.at_ms >= moment_ms]
        self.given_up = [span for span in self.given_up if span[1] >= moment_ms]


def _moment(tick: Tick) -> int:
    return tick.at_ms


def _without(piece: Piece, low: Tick, high: Tick, reach_ms: int, kind: GapKind) -> list[Piece]:
    """Return what ``piece`` is after all from ``low`` to ``high`` arrived; ``kind`` says how."""
    if piece.kind in _ARRIVED or high.at_ms <= piece.start.at_ms or low.at_ms >= piece.end.at_ms:
        return [piece]
    start, end = max(low, piece.start, key=_moment), min(high, piece.end, key=_moment)
    parts = []
    for before, after, has_arrived in ((piece.start, start, False), (start, end, True), (end, piece.end, False)):
        if after.at_ms > before.at_ms:
            is_short = after.at_ms - before.at_ms <= reach_ms
            parts.append(Piece(before, after, kind if has_arrived or is_short else GapKind.LATE))
    return parts


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Return ``pieces`` with neighbours that arrived alike as one."""
    joined: list[Piece] = []
    for piece in pieces:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.kind is piece.kind
            and piece.kind in _ARRIVED
            and before.end.at_ms == piece.start.at_ms
        ):
            joined[-1] = Piece(before.start, piece.end, piece.kind)
        else:
            joined.append(piece)
    return joined
