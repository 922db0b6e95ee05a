"""The queue of one channel, under whatever comes."""

import math
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nagare.alerting.notify.brief import Waiting
from nagare.alerting.notify.lanes import AT_ONCE, Lane, Pace

_PACES = st.one_of(st.integers(1, 120).map(float), st.floats(0.1, 120))


def _waiting(incident: int, number: int) -> Waiting:
    return Waiting(f"i{incident}.{number}", f"i{incident}", number, "ops/phone", 0, 0)


@given(per_minute=_PACES, pauses=st.lists(st.floats(0, 90), max_size=60))
def test_within_any_minute_no_more_than_its_pace(per_minute: float, pauses: list[float]) -> None:
    pace, now, sent = Pace(per_minute, 0.0), 0.0, list[float]()
    for pause in [0.0] * 40 + pauses:
        now += pause
        now += pace.wait_seconds(now)
        pace.take(now)
        sent.append(now)
    for start in sent:
        # Half open: what comes a whole minute later is of the next one.
        count = sum(1 for moment in sent if start <= moment < start + 59.99)
        assert count <= math.ceil(per_minute)


@given(pace=st.integers(1, 120))
def test_a_long_queue_goes_nearly_as_fast_as_its_pace(pace: int) -> None:
    bucket, now = Pace(float(pace), 0.0), 0.0
    for _ in range(10 * pace):
        now += bucket.wait_seconds(now)
        bucket.take(now)
    assert now <= 600 * 1.4


class LaneMachine(RuleBasedStateMachine):
    """Of an incident one is out at the most, and none passes an older one: the queue beside a plain description of it."""

    def __init__(self) -> None:
        super().__init__()
        self.lane, self.now = Lane(), 0.0
        self.waiting: dict[int, dict[int, float]] = defaultdict(dict)
        self.out: dict[int, int] = {}
        self.seen: set[tuple[int, int]] = set()

    @rule(incident=st.integers(0, 3), number=st.integers(1, 6), wait=st.integers(0, 3))
    def add(self, incident: int, number: int, wait: int) -> None:
        if (incident, number) in self.seen:
            return
        self.seen.add((incident, number))
        self.waiting[incident][number] = self.now + wait
        self.lane.add(_waiting(incident, number), self.now + wait)

    @rule(incident=st.integers(0, 3), number=st.integers(1, 6))
    def discard(self, incident: int, number: int) -> None:
        self.waiting[incident].pop(number, None)
        self.lane.discard(_waiting(incident, number).id)

    @rule(incident=st.integers(0, 3), number=st.integers(1, 6))
    def hasten(self, incident: int, number: int) -> None:
        if number in self.waiting[incident]:
            self.waiting[incident][number] = min(self.waiting[incident][number], self.now)
        self.lane.hasten(_waiting(incident, number).id, self.now)

    @rule(incident=st.integers(0, 3), is_done=st.booleans())
    def answer(self, incident: int, is_done: bool) -> None:
        if incident not in self.out:
            return
        number = self.out.pop(incident)
        if is_done:
            self.waiting[incident].pop(number, None)
            self.lane.finish(_waiting(incident, number))
            return
        if number in self.waiting[incident]:
            self.waiting[incident][number] = self.now + 2
        self.lane.again(_waiting(incident, number), self.now + 2)

    @rule(seconds=st.integers(0, 3))
    def take(self, seconds: int) -> None:
        self.now += seconds
        firsts = {one: min(left) for one, left in self.waiting.items() if left and one not in self.out}
        due = min((self.waiting[one][number] for one, number in firsts.items()), default=None)
        moment = self.lane.next_moment(1e9, self.now)
        if len(self.out) == AT_ONCE or due is None:
            assert moment is None
            return
        assert moment == max(due, self.now)
        if moment <= self.now:
            found = self.lane.take(self.now)
            incident = int(found.incident[1:])
            assert found.number == firsts[incident]
            assert self.waiting[incident][found.number] == due
            self.out[incident] = found.number

    @invariant()
    def counts_are_right(self) -> None:
        assert len(self.lane) == sum(map(len, self.waiting.values()))
        assert self.lane.out == len(self.out)


TestLane = LaneMachine.TestCase
