"""What becomes of an alert by a foreign sender's word, repeated, late or out of order: one true state."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.foreign.rules import REOPEN_MS, age, hear
from nagare.model.alert.alert import NEXT, Alert, AlertState
from nagare.model.alert.foreign import Told
from nagare.model.event import Severity

_S = AlertState
T0 = 1_760_000_000_000
HOUR = 3_600_000


def _told(*, fires: bool = True, starts: int | None = T0, ends: int | None = None, **more: object) -> Told:
    told = Told("alertmanager", "f1", {"alertname": "X"}, {"summary": "s"}, Severity.HIGH, fires, starts, ends)
    return replace(told, **more)  # type: ignore[arg-type]  # fields of Told


class Thing:
    """One thing as the board would hold it."""

    def __init__(self) -> None:
        self.open: Alert | None = None
        self.past: list[Alert] = []
        self._ids = itertools.count()

    def hear(self, told: Told, now: int = T0) -> tuple[Step, ...]:
        steps = hear(self.open, told, now, now + 5 * HOUR, lambda: f"a{next(self._ids)}")
        self._keep(steps)
        return steps

    def keep(self, *steps: Step | None) -> None:
        self._keep(tuple(step for step in steps if step is not None))

    def age(self, now: int, listened: int = 100 * HOUR) -> tuple[Step, ...]:
        assert self.open is not None
        steps = age(self.open, now, now + 5 * HOUR, listened)
        self._keep(steps)
        return steps

    def _keep(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            for turn in step.turns:
                assert turn.before is None or turn.before is turn.after or turn.after in NEXT[turn.before]
            alert = replace(step.alert, revision=step.alert.revision + max(1, len(step.turns)))
            if alert.state is _S.CLOSED:
                self.past.append(alert)
                self.open = None
            else:
                assert self.open is None or self.open.id == alert.id, "two are open of one thing"
                self.open = alert

    @property
    def state(self) -> AlertState | None:
        return None if self.open is None else self.open.state


def test_a_repeat_changes_nothing_that_people_hear_of() -> None:
    thing = Thing()
    thing.hear(_told())
    assert thing.state is _S.FIRING
    for later in (1, 2, 3):
        assert [step.turns for step in thing.hear(_told(), T0 + later)] == [()]


def test_an_end_ends_it_and_its_repeat_does_not_end_it_again() -> None:
    thing = Thing()
    thing.hear(_told())
    thing.hear(_told(fires=False, ends=T0 + 5000), T0 + 6000)
    assert thing.open is not None
    assert (thing.state, thing.open.ended_ms) == (_S.RESOLVED, T0 + 5000)
    assert thing.hear(_told(fires=False, ends=T0 + 5000), T0 + 7000) == ()


def test_a_firing_that_comes_after_its_own_end_is_a_late_repeat() -> None:
    thing = Thing()
    thing.hear(_told())
    thing.hear(_told(fires=False, ends=T0 + 5000), T0 + 6000)
    assert thing.hear(_told(), T0 + 6001) == ()
    assert thing.state is _S.RESOLVED


def test_an_end_of_an_earlier_time_does_not_end_a_later_one() -> None:
    thing = Thing()
    thing.hear(_told(starts=T0 + HOUR), T0 + HOUR)
    assert thing.hear(_told(fires=False, starts=T0, ends=T0 + 1), T0 + HOUR + 1) == ()
    assert thing.state is _S.FIRING


def test_a_later_time_tells_that_the_end_of_the_one_before_was_lost() -> None:
    thing = Thing()
    thing.hear(_told(ends=T0 + 300_000))
    # Nobody spoke of it for long, and nobody has ended it yet.
    thing.hear(_told(starts=T0 + HOUR), T0 + HOUR)
    assert thing.state is _S.FIRING
    assert [alert.starts_ms for alert in thing.past] == [T0]
    assert thing.open is not None
    assert thing.open.starts_ms == T0 + HOUR


def test_a_pair_that_began_some_seconds_apart_tells_of_one_alert_and_of_one_end() -> None:
    thing = Thing()
    first, second = _told(ends=T0 + 240_000), _told(starts=T0 + 15_000, ends=T0 + 255_000)
    for round_ in range(4):
        for told, later in ((first, 0), (second, 15_000)):
            now = T0 + round_ * 60_000 + later
            thing.hear(replace(told, ends_ms=now + 240_000), now)
    assert thing.open is not None
    assert (thing.past, thing.state, thing.open.starts_ms) == ([], _S.FIRING, T0)
    over = T0 + 240_000
    ends = thing.hear(_told(fires=False, ends=over), over)
    assert [turn.after for step in ends for turn in step.turns] == [_S.RESOLVED]
    # The other one has not looked yet; then it says the same.
    assert thing.hear(replace(second, ends_ms=over + 241_000), over + 1000) == ()
    assert thing.hear(replace(second, is_firing=False, ends_ms=over + 15_000), over + 15_000) == ()
    thing.hear(_told(starts=over + 60_000), over + 60_000)
    assert thing.state is _S.REOPENED


def test_a_start_that_moves_to_an_earlier_one_is_the_same_time_and_its_end_counts() -> None:
    for is_told in (True, False):
        thing = Thing()
        thing.hear(_told(starts=T0 + 15_000), T0 + 15_000)
        if is_told:
            thing.hear(_told(), T0 + 16_000)
        thing.hear(_told(fires=False, ends=T0 + 60_000), T0 + 61_000)
        assert thing.open is not None
        assert (thing.state, thing.open.starts_ms) == (_S.RESOLVED, T0)


def test_an_end_between_two_starts_ends_only_the_earlier_time() -> None:
    thing = Thing()
    thing.hear(_told())
    thing.hear(_told(starts=T0 + HOUR), T0 + HOUR)
    assert thing.hear(_told(fires=False, ends=T0 + HOUR - 1), T0 + HOUR + 1) == ()
    assert thing.state is _S.FIRING


def test_nothing_ends_by_silence_that_we_did_not_listen_to() -> None:
    thing = Thing()
    thing.hear(_told(ends=T0 + 240_000))
    assert thing.age(T0 + HOUR, listened=299_999) == ()
    assert len(thing.age(T0 + HOUR, listened=300_000)) == 1
    # One that is repeated every four hours takes as long as it was believed for.
    slow = Thing()
    slow.hear(_told())
    assert slow.age(T0 + 6 * HOUR, listened=5 * HOUR - 1) == ()
    assert len(slow.age(T0 + 6 * HOUR, listened=5 * HOUR)) == 1


def test_after_our_outage_the_next_word_leaves_an_alert_with_its_owner() -> None:
    thing = Thing()
    thing.hear(_told(ends=T0 + 240_000))
    assert thing.open is not None
    thing.keep(lifecycle.acknowledge(thing.open, "ann", "mine", T0 + 1000))
    assert thing.age(T0 + HOUR, listened=5000) == ()
    thing.hear(_told(ends=T0 + HOUR + 240_000), T0 + HOUR + 5000)
    assert (thing.state, thing.open.owner) == (_S.ACKNOWLEDGED, "ann")


def test_an_end_that_is_said_again_and_again_makes_no_other_alert() -> None:
    thing = Thing()
    thing.hear(_told(ends=T0 + 240_000))
    ids = set()
    for minute in range(1, 18):
        now = T0 + minute * 60_000
        thing.hear(_told(fires=False, ends=T0 + 60_000), now)
        if thing.open is not None:
            ids.add(thing.open.id)
            thing.age(now + 1000)
    assert (ids, [alert.id for alert in thing.past], thing.open) == ({"a0"}, ["a0"], None)


FAR = 253_402_300_799_000 + 12 * HOUR


def test_no_moment_of_a_sender_lies_ahead_of_our_own() -> None:
    thing = Thing()
    thing.hear(_told(starts=FAR, ends=FAR))
    assert thing.open is not None
    assert (thing.open.starts_ms, thing.open.believed_ms) == (T0, T0 + 5 * HOUR)
    # A sender whose clock is a year ahead says when it is over.
    thing.hear(_told(fires=False, starts=FAR, ends=FAR + 1000), T0 + 2000)
    assert (thing.state, thing.open.ended_ms) == (_S.RESOLVED, T0 + 2000)
    unknown = Thing()
    unknown.hear(_told(fires=False, starts=FAR, ends=FAR))
    assert unknown.open is not None
    assert (unknown.open.starts_ms, unknown.open.ended_ms) == (T0, T0)
    assert Thing().hear(_told(starts=-(10**15)))[0].alert.starts_ms == 0


def test_what_was_heard_while_our_clock_was_ahead_ends_as_soon_as_anything() -> None:
    thing = Thing()
    thing.hear(_told(starts=None), T0 + 8760 * HOUR)
    thing.age(T0)
    assert thing.open is not None
    assert (thing.open.starts_ms, thing.open.believed_ms) == (T0, T0 + 5 * HOUR)
    assert thing.age(T0 + HOUR) == ()


def _problem(*, fires: bool = True, is_acknowledged: bool | None = None) -> Told:
    return _told(fires=fires, starts=None, is_one_time=True, is_acknowledged=is_acknowledged)


def test_a_problem_that_is_told_once_holds_until_its_end_is_told() -> None:
    thing = Thing()
    thing.hear(_problem())
    thing.hear(_problem(is_acknowledged=True), T0 + HOUR)
    assert thing.age(T0 + 1000 * HOUR) == ()
    thing.hear(_problem(fires=False), T0 + 1000 * HOUR)
    assert thing.state is _S.RESOLVED


def test_a_problem_whose_end_was_told_never_comes_back() -> None:
    thing, overtaken = Thing(), Thing()
    thing.hear(_problem())
    for one in (thing, overtaken):
        one.hear(_problem(fires=False), T0 + 1000)
        assert one.state is _S.RESOLVED
        assert one.hear(_problem(), T0 + 2000) == ()
        assert one.hear(_problem(), T0 + REOPEN_MS + 2000) == ()


def test_what_comes_back_soon_is_the_same_alert_and_later_is_another() -> None:
    soon, late = Thing(), Thing()
    for thing, wait in ((soon, REOPEN_MS - 1), (late, REOPEN_MS)):
        thing.hear(_told())
        thing.hear(_told(fires=False, ends=T0 + 1000), T0 + 1000)
        thing.hear(_told(starts=T0 + 1000 + wait), T0 + 1000 + wait)
    assert (soon.state, len(soon.past)) == (_S.REOPENED, 0)
    assert (late.state, len(late.past)) == (_S.FIRING, 1)


def test_one_resolved_by_hand_opens_again_when_its_sender_goes_on() -> None:
    thing = Thing()
    thing.hear(_told())
    assert thing.open is not None
    thing.keep(lifecycle.resolve(thing.open, "ann", "done", T0 + 1000))
    thing.hear(_told(), T0 + 2000)
    assert thing.state is _S.REOPENED


def test_one_that_nobody_speaks_of_any_more_ends_by_itself() -> None:
    thing = Thing()
    thing.hear(_told())
    assert thing.age(T0 + 5 * HOUR - 1) == ()
    thing.age(T0 + 5 * HOUR)
    assert thing.state is _S.RESOLVED
    thing.age(T0 + 5 * HOUR + REOPEN_MS)
    assert [alert.state for alert in thing.past] == [_S.CLOSED]


def test_what_its_sender_names_as_its_end_is_when_it_is_no_longer_believed() -> None:
    thing = Thing()
    thing.hear(_told(ends=T0 + 300_000))
    thing.hear(_told(ends=T0 + 600_000), T0 + 200_000)
    assert thing.age(T0 + 599_999) == ()
    assert len(thing.age(T0 + 600_000)) == 1


@pytest.mark.parametrize("by", ["Ann", ""])
def test_what_people_do_at_the_sender_is_done_here_once(by: str) -> None:
    thing = Thing()
    thing.hear(_told(starts=None))
    thing.hear(_told(starts=None, is_acknowledged=True, actor=by, comment="mine"), T0 + 1)
    assert thing.open is not None
    assert (thing.state, thing.open.owner) == (_S.ACKNOWLEDGED, by or "alertmanager")
    again = thing.hear(_told(starts=None, is_acknowledged=True, actor=by), T0 + 2)
    assert [step.turns for step in again] == [()]
    thing.hear(_told(starts=None, is_acknowledged=False, actor=by), T0 + 3)
    assert thing.state is _S.FIRING


def test_an_acknowledgement_made_here_is_not_undone_by_a_sender_that_has_none() -> None:
    thing = Thing()
    thing.hear(_told(starts=None, is_acknowledged=False))
    assert thing.open is not None
    thing.keep(lifecycle.acknowledge(thing.open, "bob", "mine", T0 + 1))
    thing.hear(_told(starts=None, is_acknowledged=False), T0 + 2)
    assert thing.state is _S.ACKNOWLEDGED


_WORDS = st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 40)), min_size=1, max_size=25)


@given(_WORDS)
def test_in_whatever_order_words_come_the_newest_time_wins(words: list[tuple[int, bool, int]]) -> None:
    """Words of several times of one thing, repeated and reordered: the newest time counts, and of it an end before a begin."""
    thing, now = Thing(), T0 + 300_000
    for number, fires, wait in words:
        now += wait
        starts = T0 + number * 60_000
        thing.hear(_told(fires=fires, starts=starts, ends=None if fires else starts + 1), now)
    newest = max(number for number, _, _ in words)
    is_over = any(number == newest and not fires for number, fires, _ in words)
    assert thing.open is not None
    assert thing.open.is_active == (not is_over)
    assert thing.past == []


def test_an_end_that_overtook_its_begin_is_known_when_that_comes() -> None:
    thing = Thing()
    thing.hear(_told(fires=False, ends=T0 + 1000), T0 + 1000)
    assert thing.hear(_told(), T0 + 1500) == ()
    assert thing.state is _S.RESOLVED
