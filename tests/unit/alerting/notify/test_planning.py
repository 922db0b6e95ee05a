"""Whom to tell what, moment by moment."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

from nagare.alerting.notify.planning import OVER_LIMIT, Subject, keys_of, plan
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.alert.matcher import parse_matchers
from nagare.model.event import Severity
from nagare.model.notify.incident import Incident
from nagare.model.notify.notice import Notice
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.receiver import Escalation, Receiver, Step
from nagare.model.notify.route import Route

T0 = 1_760_000_000_000
_S = AlertState


def _notifying(receiver: str = "ops") -> Notifying:
    escalation = Escalation("oncall", (Step(0, ("ops",)), Step(900, ("boss",))))
    receivers = {name: Receiver(name, ()) for name in ("ops", "boss")}
    root = Route("", receiver, group_by=("alertname",))
    return Notifying(root, receivers, {}, {"oncall": escalation}, {}, {})


class World:
    """Incidents as they would be kept."""

    def __init__(self, notifying: Notifying) -> None:
        self.notifying = notifying
        self.incidents: dict[str, Incident] = {}
        self.notices: list[Notice] = []
        self._ids = itertools.count()

    def at(self, seconds: float, *alerts: Alert, held: Sequence[str] = ()) -> list[tuple[str, str, int, int]]:
        subjects = [Subject(one, keys_of(self.notifying, one.labels), one.id in held) for one in alerts]
        open_ = [one for one in self.incidents.values() if one.ended_ms is None]
        told = []
        for change in plan(self.notifying, open_, subjects, T0 + round(seconds * 1000), lambda: f"i{next(self._ids)}"):
            self.incidents[change.after.id] = replace(change.after, revision=change.after.revision + 1)
            self.notices += change.notices
            told += [(one.receiver, one.reason, one.firing_count, one.resolved_count) for one in change.notices]
        return told


def _alert(alert_id: str, state: AlertState = _S.FIRING, **labels: str) -> Alert:
    labels = {"alertname": "Full", **labels}
    return Alert(alert_id, "rules", alert_id, "Full", Severity.HIGH, labels, {}, T0, T0, T0, state, fired_ms=T0)


def test_what_comes_within_the_wait_is_one_notice() -> None:
    world = World(_notifying())
    assert world.at(0, _alert("a")) == []
    assert world.at(10, _alert("a"), _alert("b")) == []
    assert world.at(30, _alert("a"), _alert("b")) == [("ops", "first notification", 2, 0)]
    assert world.at(31, _alert("a"), _alert("b")) == []


def test_what_is_new_later_waits_for_the_interval_and_repeats_for_theirs() -> None:
    world = World(_notifying())
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    assert world.at(60, _alert("a"), _alert("b")) == []
    assert world.at(330, _alert("a"), _alert("b")) == [("ops", "new alerts added", 2, 0)]
    assert world.at(330 + 14_399, _alert("a"), _alert("b")) == []
    assert world.at(330 + 14_400, _alert("a"), _alert("b")) == [("ops", "repeat interval elapsed", 2, 0)]


def test_ends_are_told_and_end_the_incident() -> None:
    world = World(_notifying())
    world.at(0, _alert("a"), _alert("b"))
    world.at(30, _alert("a"), _alert("b"))
    world.at(40, _alert("a", _S.RESOLVED), _alert("b"))
    assert world.at(330, _alert("a", _S.RESOLVED), _alert("b")) == [("ops", "some alerts resolved", 1, 1)]
    world.at(340, _alert("a", _S.RESOLVED), _alert("b", _S.RESOLVED))
    assert world.at(630, _alert("b", _S.CLOSED)) == [("ops", "all alerts resolved", 0, 1)]
    assert [one.ended_ms for one in world.incidents.values()] == [T0 + 630_000]
    world.at(640, _alert("c"))
    assert world.at(670, _alert("c")) == [("ops", "first notification", 1, 0)]


def test_of_what_ended_before_anybody_was_told_nothing_is_said() -> None:
    world = World(_notifying())
    world.at(0, _alert("a"))
    assert world.at(10, _alert("a", _S.RESOLVED)) == []
    assert world.at(30, _alert("a", _S.RESOLVED)) == []


def test_what_is_held_back_is_told_once_nothing_holds_it_and_its_end_only_if_it_was_told() -> None:
    world = World(_notifying())
    assert world.at(0, _alert("a"), held="a") == []
    assert world.at(100, _alert("a"), held="a") == []
    world.at(110, _alert("a"))
    assert world.at(140, _alert("a")) == [("ops", "first notification", 1, 0)]
    world.at(150, _alert("a", _S.RESOLVED), held="a")
    assert world.at(440, _alert("a", _S.RESOLVED), held="a") == [("ops", "all alerts resolved", 0, 1)]


def test_nobody_acknowledges_so_the_next_step_is_told_once() -> None:
    world = World(_notifying("oncall"))
    world.at(0, _alert("a"))
    assert world.at(30, _alert("a")) == [("ops", "first notification", 1, 0)]
    assert world.at(929, _alert("a")) == []
    assert world.at(930, _alert("a")) == [("boss", "nobody acknowledged it", 1, 0)]
    assert world.at(931, _alert("a")) == []
    world.at(940, _alert("a", _S.RESOLVED))
    told = world.at(1300, _alert("a", _S.RESOLVED))
    assert told == [("ops", "all alerts resolved", 0, 1), ("boss", "all alerts resolved", 0, 1)]


def test_who_takes_it_in_hand_stops_the_escalation_and_who_gives_it_back_begins_it_anew() -> None:
    world = World(_notifying("oncall"))
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    assert world.at(100, _alert("a", _S.ACKNOWLEDGED)) == []
    assert world.at(20_000, _alert("a", _S.ACKNOWLEDGED)) == []
    assert world.at(20_001, _alert("a"))[0][:2] == ("ops", "repeat interval elapsed")
    assert world.at(20_901, _alert("a")) == [("boss", "nobody acknowledged it", 1, 0)]


def test_a_clock_that_is_set_back_repeats_nothing() -> None:
    world = World(_notifying())
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    assert world.at(-5000, _alert("a")) == []
    assert world.at(-5000 + 14_399, _alert("a")) == []
    assert world.at(-5000 + 14_400, _alert("a")) == [("ops", "repeat interval elapsed", 1, 0)]


def test_an_incident_of_a_route_that_is_gone_ends_and_who_was_told_hears_of_it() -> None:
    world = World(_notifying())
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    (incident,) = world.incidents.values()
    old = replace(incident, route="{team=db}")
    # As one that ended is told of: in the group in which people were told.
    ended = Subject(_alert("a", _S.CLOSED), (old.key,))
    (change,) = plan(world.notifying, [old], [ended], T0 + 60_000, lambda: "i9")
    assert change.after.ended_ms == T0 + 60_000
    assert [(one.receiver, one.reason) for one in change.notices] == [("ops", "all alerts resolved")]


def test_an_incident_that_goes_on_for_long_knows_the_last_that_ended() -> None:
    world = World(_notifying())
    stays, second = _alert("stays"), 0
    world.at(second, stays)
    for turn in range(3):
        crowd = [_alert(f"c{turn}.{number}") for number in range(OVER_LIMIT // 2)]
        for state in (_S.FIRING, _S.RESOLVED):
            second += 400
            alerts = [replace(one, state=state) for one in crowd]
            world.at(second, stays, *alerts)
            world.at(second + 300, stays, *alerts)
            second += 300
    (incident,) = world.incidents.values()
    assert incident.told.pop("stays") == "firing"  # type: ignore[attr-defined]
    assert set(incident.told.values()) == {"resolved"}
    assert len(incident.told) == OVER_LIMIT
    assert {one.partition(".")[0] for one in incident.told} == {"c1", "c2"}


def test_a_receiver_that_is_gone_is_told_nothing_and_the_incident_ends() -> None:
    world = World(_notifying())
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    world.notifying = replace(_notifying("boss"), receivers={"boss": Receiver("boss", ())})
    world.at(40, _alert("a", _S.RESOLVED))
    assert world.at(330, _alert("a", _S.RESOLVED)) == []
    (incident,) = world.incidents.values()
    assert (incident.number, incident.ended_ms) == (1, T0 + 330_000)


def test_what_flaps_begins_no_escalation_anew_and_tells_nobody_again() -> None:
    world = World(_notifying("oncall"))
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    for second in range(40, 900, 20):
        assert world.at(second, _alert("a", _S.RESOLVED)) == []
        assert world.at(second + 10, _alert("a", _S.REOPENED)) == []
    assert world.at(930, _alert("a", _S.REOPENED)) == [("boss", "nobody acknowledged it", 1, 0)]


def test_who_gives_it_back_is_heard_after_the_interval() -> None:
    world = World(_notifying("oncall"))
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    world.at(40, _alert("a", _S.ACKNOWLEDGED))
    assert world.at(50, _alert("a")) == []
    assert world.at(329, _alert("a")) == []
    assert world.at(330, _alert("a")) == [("ops", "nobody has it in hand any more", 1, 0)]
    # From when it was given back.
    assert world.at(949, _alert("a")) == []
    assert world.at(950, _alert("a")) == [("boss", "nobody acknowledged it", 1, 0)]


def test_a_clock_that_is_set_back_tells_no_step_twice() -> None:
    world = World(_notifying("oncall"))
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    assert world.at(930, _alert("a")) == [("boss", "nobody acknowledged it", 1, 0)]
    world.at(-5000, _alert("a"), _alert("b"))
    told = world.at(-4000, _alert("a"), _alert("b"))
    assert told == [("ops", "new alerts added", 2, 0), ("boss", "new alerts added", 2, 0)]
    assert world.at(-3000, _alert("a"), _alert("b")) == []


def test_an_alert_that_left_its_group_counts_as_one_that_ended() -> None:
    world = World(_notifying())
    world.at(0, _alert("a"), _alert("b"))
    world.at(30, _alert("a"), _alert("b"))
    world.at(40, _alert("a", alertname="Fuller"), _alert("b"))
    assert sorted(world.at(330, _alert("a", alertname="Fuller"), _alert("b"))) == [
        ("ops", "first notification", 1, 0),
        ("ops", "some alerts resolved", 1, 1),
    ]
    # The other one as well: nothing of the group is left, and it is not over.
    told = world.at(340, _alert("a", alertname="Fuller"), _alert("b", alertname="Fuller"))
    assert told == [("ops", "its alerts are told elsewhere", 0, 1)]


def test_whoever_is_told_of_the_worst_hears_of_its_end() -> None:
    world = World(_notifying())
    worst, mild = _alert("a"), replace(_alert("b"), severity=Severity.INFO)
    world.at(0, worst, mild)
    world.at(30, worst, mild)
    # It was called milder before it ended.
    ended = replace(worst, severity=Severity.INFO, state=_S.RESOLVED)
    subjects = [Subject(one, keys_of(world.notifying, one.labels)) for one in (ended, mild)]
    (incident,) = world.incidents.values()
    (change,) = plan(world.notifying, [replace(incident, look_ms=T0)], subjects, T0 + 400_000, str)
    assert [(one.reason, one.severity, one.reach) for one in change.notices] == [("some alerts resolved", 0, 2)]
    over = replace(mild, state=_S.RESOLVED)
    subjects = [Subject(one, keys_of(world.notifying, one.labels)) for one in (ended, over)]
    (change,) = plan(world.notifying, [replace(incident, look_ms=T0)], subjects, T0 + 400_000, str)
    assert [(one.reason, one.severity, one.reach) for one in change.notices] == [("all alerts resolved", 0, 2)]


def test_what_is_only_held_back_goes_on_with_its_escalation_and_tells_nobody_again() -> None:
    world = World(_notifying("oncall"))
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    for second in range(60, 900, 120):
        assert world.at(second, _alert("a"), held="a") == []
        assert world.at(second + 60, _alert("a")) == []
    assert world.at(925, _alert("a"), held="a") == []
    assert world.at(930, _alert("a"), held="a") == []
    assert world.at(931, _alert("a")) == [("boss", "nobody acknowledged it", 1, 0)]


def test_it_is_not_over_while_what_people_were_told_of_is_only_held_back() -> None:
    world = World(_notifying())
    world.at(0, _alert("a"), _alert("b"))
    world.at(30, _alert("a"), _alert("b"))
    members = (_alert("a"), _alert("b", _S.RESOLVED))
    world.at(40, *members, held="a")
    assert world.at(330, *members, held="a") == [("ops", "some alerts resolved", 0, 1)]
    assert (world.notices[-1].held_count, world.notices[-1].is_over) == (1, False)
    world.at(340, _alert("a", _S.RESOLVED))
    assert world.at(630, _alert("a", _S.RESOLVED)) == [("ops", "all alerts resolved", 0, 1)]
    assert world.notices[-1].is_over


def test_what_is_worse_than_people_were_told_is_told_as_new_once() -> None:
    world = World(_notifying())
    mild, worse = replace(_alert("a"), severity=Severity.WARNING), replace(_alert("a"), severity=Severity.CRITICAL)
    world.at(0, mild)
    world.at(30, mild)
    assert world.at(40, worse) == []
    assert world.at(330, worse) == [("ops", "new alerts added", 1, 0)]
    assert world.notices[-1].severity == Severity.CRITICAL
    # Going down and up again is not worse than what people know.
    for second in range(400, 2000, 200):
        assert world.at(second, mild) == []
        assert world.at(second + 100, worse) == []


def test_the_end_of_one_of_several_reaches_whoever_was_told_of_the_worst() -> None:
    world = World(_notifying())
    worst, mild = replace(_alert("a"), severity=Severity.CRITICAL), replace(_alert("b"), severity=Severity.WARNING)
    world.at(0, worst, mild)
    world.at(30, worst, mild)
    fallen = replace(worst, severity=Severity.WARNING, state=_S.RESOLVED)
    world.at(40, fallen, mild)
    assert world.at(330, fallen, mild) == [("ops", "some alerts resolved", 1, 1)]
    assert (world.notices[-1].severity, world.notices[-1].reach) == (Severity.WARNING, Severity.CRITICAL)


def test_a_value_that_is_no_number_is_told_as_none() -> None:
    world = World(_notifying())
    for second in (0, 30):
        world.at(second, *(replace(_alert(str(one)), value=one) for one in (math.nan, math.inf, 0.5)))
    assert {line.value for line in world.notices[-1].firing} == {None, 0.5}


def test_what_is_grouped_otherwise_by_now_is_the_same_incident_and_nobody_is_told_again() -> None:
    world = World(_notifying())
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    (began,) = world.incidents
    renamed = _alert("a", alertname="Fuller")
    for second in (40, 400, 2000):
        assert world.at(second, renamed) == []
    (incident,) = world.incidents.values()
    assert (incident.id, incident.labels, incident.ended_ms) == (began, {"alertname": "Fuller"}, None)
    world.at(2010, replace(renamed, state=_S.RESOLVED))
    assert world.at(2400, replace(renamed, state=_S.RESOLVED)) == [("ops", "all alerts resolved", 0, 1)]


def test_what_goes_to_others_by_now_is_told_to_them() -> None:
    world = World(_notifying())
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    route = Route("{team=db}", "boss", parse_matchers(["team=db"]))
    world.notifying = replace(world.notifying, root=replace(world.notifying.root, routes=(route,)))
    assert world.at(40, _alert("a", team="db")) == [("ops", "its alerts are told elsewhere", 0, 1)]
    assert world.at(70, _alert("a", team="db")) == [("boss", "first notification", 1, 0)]


def test_what_is_given_back_beside_something_new_is_told_once_and_escalates_from_then() -> None:
    world = World(_notifying("oncall"))
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    assert world.at(60, _alert("a", _S.ACKNOWLEDGED)) == []
    # Given back, and something new: one notice, when the interval is over, tells both.
    for seconds in (100, 200, 329):
        assert world.at(seconds, _alert("a"), _alert("b")) == []
    assert world.at(330, _alert("a"), _alert("b")) == [("ops", "new alerts added", 2, 0)]
    # The next step counts from when nobody had it in hand, not from the notice.
    assert world.at(999, _alert("a"), _alert("b")) == []
    assert world.at(1000, _alert("a"), _alert("b")) == [("boss", "nobody acknowledged it", 2, 0)]


def test_what_is_given_back_just_when_something_is_let_go_waits_for_it() -> None:
    world = World(_notifying("oncall"))
    world.at(0, _alert("a"))
    world.at(30, _alert("a"))
    held = _alert("a", _S.ACKNOWLEDGED)
    assert world.at(1000, held, _alert("b"), held=["b"]) == []
    # What held the other one back ends, and is told after the wait of its group: with this one, not each for itself.
    assert world.at(2000, _alert("a"), _alert("b")) == []
    assert world.at(2029, _alert("a"), _alert("b")) == []
    assert world.at(2030, _alert("a"), _alert("b")) == [("ops", "new alerts added", 2, 0)]


def test_the_end_of_one_is_told_while_the_rest_is_in_hand_and_wakes_nobody_else() -> None:
    world = World(_notifying("oncall"))
    world.at(0, _alert("a"), _alert("b"))
    world.at(30, _alert("a"), _alert("b"))
    held = _alert("a", _S.ACKNOWLEDGED)
    assert world.at(60, held, _alert("b", _S.ACKNOWLEDGED)) == []
    assert world.at(90, held, _alert("b", _S.RESOLVED)) == []
    assert world.at(330, held, _alert("b", _S.RESOLVED)) == [("ops", "some alerts resolved", 1, 1)]
    for seconds in (930, 1230, 20_000, 90_000):
        assert world.at(seconds, held) == []
