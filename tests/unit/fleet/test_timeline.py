"""The pieces of gaps hold for any order of deliveries, outages, drops and restarts."""

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nagare.fleet.gaps.timeline import PIECES_LIMIT, Piece, Tick, Timeline
from nagare.model.gap import GapKind

REACH = 3
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["run", "away", "drop", "off", "restart", "suspend", "deliver", "catch up"]), st.integers(1, 12)
    ),
    max_size=30,
)


@dataclass
class Machine:
    """An agent with its spool, and a server that may be away; each moment is one second."""

    now: int = 0
    boot: int = 0
    seq: int = 0
    is_away: bool = False
    spool: list[Tick] = field(default_factory=list)
    arrived: list[Tick] = field(default_factory=list)
    # The moments at which the agent ran.
    taken: list[Tick] = field(default_factory=list)
    # Every second that was missing at some time.
    once_missing: set[int] = field(default_factory=set)
    line: Timeline = field(default_factory=Timeline)

    def step(self, what: str, count: int) -> None:
        if what == "run":
            for _ in range(count):
                self._tick()
        elif what in ("off", "suspend", "restart"):
            self.now += 0 if what == "restart" else count
            if what != "suspend":
                self.boot, self.seq = self.boot + 1, 0
        elif what == "drop":
            del self.spool[:count]
        elif what == "away":
            self.is_away = not self.is_away
        elif not self.is_away:
            sent, self.spool = (self.spool[:count], self.spool[count:]) if what == "deliver" else (self.spool, [])
            for tick in sent:
                self._deliver(tick, is_all=False)

    def _tick(self) -> None:
        self.now, self.seq = self.now + 1, self.seq + 1
        tick = Tick(self.now, str(self.boot), self.seq)
        self.taken.append(tick)
        if self.is_away:
            self.spool.append(tick)
        else:
            self._deliver(tick, is_all=not self.spool)

    def _deliver(self, tick: Tick, *, is_all: bool) -> None:
        self.arrived.append(tick)
        self.line.take(tick, tick, REACH, is_all=is_all)
        self.once_missing |= self.missing()
        self.check()

    def missing(self) -> set[int]:
        """Every second in which nothing is known of the host, between two moments too far apart."""
        stamps = sorted({tick.at_ms for tick in self.arrived})
        return {second for low, high in pairwise(stamps) if high - low > REACH for second in range(low, high)}

    def check(self) -> None:
        pieces = self.line.pieces
        for before, after in pairwise(pieces):
            assert before.end.at_ms <= after.start.at_ms
        stamps = {tick.at_ms for tick in self.arrived}
        covered: dict[GapKind, set[int]] = {kind: set() for kind in GapKind}
        for piece in pieces:
            assert {piece.start.at_ms, piece.end.at_ms} <= stamps
            assert piece.end.at_ms > piece.start.at_ms
            covered[piece.kind] |= set(range(piece.start.at_ms, piece.end.at_ms))
            if piece.kind is not GapKind.BUFFERED:
                assert not any(piece.start.at_ms < stamp < piece.end.at_ms for stamp in stamps)
        gone = covered[GapKind.LATE] | covered[GapKind.DOWN] | covered[GapKind.DROPPED]
        assert gone == self.missing()
        assert covered[GapKind.BUFFERED] == self.once_missing - gone


@given(STEPS)
def test_gaps_cover_exactly_the_missing_time_and_never_overlap(steps: list[tuple[str, int]]) -> None:
    machine = Machine()
    for what, count in steps:
        machine.step(what, count)
    machine.is_away = False
    machine.step("catch up", 1)
    machine.step("run", 1)
    assert all(piece.kind is not GapKind.LATE for piece in machine.line.pieces)
    for piece in machine.line.pieces:
        inside = [tick for tick in machine.taken if piece.start.at_ms < tick.at_ms < piece.end.at_ms]
        if piece.kind is GapKind.DROPPED:
            assert {tick.boot for tick in inside} == {piece.start.boot}
        elif piece.kind is GapKind.DOWN and piece.start.boot == piece.end.boot:
            assert inside == []


@given(st.permutations(range(20)))
def test_the_order_in_which_a_backlog_comes_does_not_matter(order: list[int]) -> None:
    line = Timeline()
    line.take(_tick(0), _tick(0), REACH, is_all=True)
    line.take(_tick(40), _tick(40), REACH, is_all=False)
    for at_ms in order:
        if at_ms > 0:
            line.take(_tick(at_ms), _tick(at_ms), REACH, is_all=False)
    kinds = [(piece.start.at_ms, piece.end.at_ms, piece.kind) for piece in line.pieces]
    assert kinds == [(0, 19, GapKind.BUFFERED), (19, 40, GapKind.LATE)]


def test_a_batch_that_stands_for_thinned_ones_fills_all_between_its_moments() -> None:
    line = Timeline()
    line.take(_tick(0), _tick(0), REACH, is_all=True)
    line.take(_tick(30), _tick(30), REACH, is_all=False)
    line.take(_tick(10), _tick(20), REACH, is_all=False)
    line.take(_tick(31), _tick(31), REACH, is_all=True)
    kinds = [(piece.start.at_ms, piece.end.at_ms, piece.kind) for piece in line.pieces]
    dropped = GapKind.DROPPED
    assert kinds == [(0, 10, dropped), (10, 20, GapKind.BUFFERED), (20, 30, dropped)]


def test_a_machine_that_slept_was_down_and_dropped_nothing() -> None:
    line = Timeline()
    for tick, is_all in ((Tick(0, "a", 1), True), (Tick(50, "a", 2), True), (Tick(90, "a", 9), True)):
        line.take(tick, tick, REACH, is_all=is_all)
    assert [piece.kind for piece in line.pieces] == [GapKind.DOWN, GapKind.DROPPED]


def test_the_number_of_pieces_is_bounded_and_old_ones_go() -> None:
    line = Timeline()
    for at_ms in range(0, 10 * (PIECES_LIMIT + 20), 10):
        line.take(_tick(at_ms), _tick(at_ms), REACH, is_all=True)
    assert len(line.pieces) == PIECES_LIMIT
    newest: Piece = line.pieces[-1]
    line.forget_before(newest.end.at_ms)
    assert line.pieces == [newest]


def _tick(at_ms: int) -> Tick:
    return Tick(at_ms, "a", at_ms)
