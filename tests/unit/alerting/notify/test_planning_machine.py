"""Whom to tell what, against a second, plainer description of it: whatever alerts do, and whatever is done to the clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from zoneinfo import ZoneInfo

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nagare.alerting.notify.planning import Change, Key, Subject, keys_of, next_moment_ms, plan
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.alert.matcher import parse_matchers
from nagare.model.event import Severity
from nagare.model.notify.incident import FIRING, Incident, Reason
from nagare.model.notify.mute import MuteTime, Span
from nagare.model.notify.notice import Notice
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.oncall import is_muted, on_call
from nagare.model.notify.receiver import Escalation, Receiver, Rotation, Step
from nagare.model.notify.route import Route

_S = AlertState
UTC = ZoneInfo("UTC")
T0 = 1_760_000_000_000
WAIT, INTERVAL, REPEAT = 30_000, 300_000, 3_600_000
NEEDS, OVER = (_S.FIRING, _S.REOPENED), (_S.RESOLVED, _S.CLOSED)
NIGHT = MuteTime("night", UTC, (Span(frozenset(range(7)), 22 * 60, 6 * 60),))
DUTY = Rotation("duty", ("ann", "bob"), "2026-01-05T09:00", 1, UTC)
STEPS = (Step(0.0, ("duty",)), Step(600.0, ("lead", "ann")), Step(1800.0, ("boss",)))
_TEAMS = st.sampled_from(["a", "b"])
_PLACES = st.integers(0, 3)
_SECONDS = st.sampled_from(
    [0.0, 1.0, 29.0, 30.0, 30.0, 30.0, 31.0, 270.0, 300.0, 300.0, 600.0, 1200.0, 3600.0, 7200.0, 40_000.0]
)
_TURNS = st.sampled_from([*AlertState, _S.FIRING, _S.ACKNOWLEDGED, _S.RESOLVED, _S.RESOLVED, _S.REOPENED])
_JUMPS = st.sampled_from([-315_000_000.0, -86_400.0, -2000.0, -400.0, -25.0, 25.0, 400.0, 86_400.0, 315_000_000.0])
_SEVERITIES = st.sampled_from(list(Severity))

# To whom, why, and of which alerts: those that fire, those that ended, and how many were not named.
Told = tuple[str, str, frozenset[str], frozenset[str], int]


def _notifying(*, is_muted: bool, without: str = "") -> Notifying:
    people = ("ann", "bob", "lead", "boss", "ops")
    routes = (
        Route(
            "{team=b}", "ops", parse_matchers(["team=b"]), group_by=("team",), goes_on=True,
            mutes=("night",) if is_muted else (),
        ),
        Route("{rack=1}", "oncall", parse_matchers(["rack=1"]), group_by=()),
    )  # fmt: skip
    return Notifying(
        Route("", "oncall", group_by=("team",), repeat_interval_seconds=REPEAT / 1000, routes=tuple(
            replace(one, repeat_interval_seconds=REPEAT / 1000) for one in routes if one.path != without
        )),
        {name: Receiver(name, ()) for name in people},
        {"duty": DUTY},
        {"oncall": Escalation("oncall", STEPS)},
        {"night": NIGHT},
        {},
    )  # fmt: skip


@dataclass
class Telling:
    """The plainer description of one group: what was said last of each alert, and since when what waits."""

    steps: tuple[Step, ...]
    words: dict[str, str] = field(default_factory=dict)
    # The worst that was said of each that fires.
    worst: dict[str, Severity] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    said: int | None = None
    news_since: int | None = None
    needed_since: int | None = None
    told_steps: int = 0
    is_open: bool = False

    def at(self, now: int, members: Mapping[str, Subject], *, is_mute: bool) -> list[Told]:
        """Return what is to be said at that moment."""
        # A moment ahead of now counts as now.
        self.said, self.news_since, self.needed_since = (
            None if one is None else min(one, now) for one in (self.said, self.news_since, self.needed_since)
        )
        needing = {one for one, subject in members.items() if subject.alert.state in NEEDS and not subject.is_held}
        if not self.is_open and not needing:
            return []
        self.is_open = True
        heard = {one for one, word in self.words.items() if word == "firing"}
        ended = {one for one in heard if one in members and members[one].alert.state in OVER}
        gone = {one for one in heard if one not in members}
        held = {one for one in heard & members.keys() if members[one].is_held and members[one].alert.state in NEEDS}
        worse = {one for one in needing & heard if members[one].alert.severity > self.worst[one]}
        fresh = (needing - heard) | worse
        news = fresh | ended | gone
        self.news_since = None if not news else now if self.news_since is None else self.news_since
        if needing:
            if self.needed_since is None and needing & heard:
                self.needed_since, self.told_steps = now, 0
        elif not ended | held:
            self.needed_since, self.told_steps = None, 0
        told = [] if is_mute else list(self._say(now, members, needing, held, fresh, ended, gone))
        is_quiet = self.news_since is None and "firing" not in self.words.values()
        if is_quiet and not any(subject.alert.is_active for subject in members.values()):
            self.is_open, self.words, self.worst, self.names, self.told_steps = False, {}, {}, [], 0
            self.said = self.news_since = self.needed_since = None
        return told

    def _say(
        self, now: int, members: Mapping[str, Subject], needing: set[str], held: set[str], fresh: set[str],
        ended: set[str], gone: set[str],
    ) -> Iterator[Told]:  # fmt: skip
        active = {one for one, subject in members.items() if subject.alert.is_active and not subject.is_held}
        heard = {one for one, word in self.words.items() if word == "firing"}
        news_due = None
        if self.news_since is not None:
            first = self.news_since + WAIT
            news_due = first if self.said is None else max(first, self.said + INTERVAL)
        if news_due is not None and now >= news_due:
            begins = Reason.NEW if self.names else Reason.FIRST
            ends = Reason.RESOLVED if heard - ended - gone else Reason.ALL_RESOLVED
            reason = begins if fresh else ends
        elif needing and self.said is not None and now - self.said >= REPEAT:
            reason = Reason.REPEAT
        else:
            yield from self._climb(now, active, needing, news_due)
            return
        if needing and (self.needed_since is None or not needing & heard):
            self.needed_since, self.told_steps = now, 0
        elif not needing and not held:
            self.needed_since, self.told_steps = None, 0
        before = self.told_steps
        due = self._due(now) if needing else before
        whom = dict.fromkeys(_reached(self.steps[:due], now) if needing else [], reason)
        if reason is not Reason.REPEAT:
            whom |= dict.fromkeys(self.names, reason)
        for name in _reached(self.steps[max(1, before) : due], now):
            if self.names and name not in self.names:
                whom[name] = Reason.ESCALATED
        self.said, self.news_since, self.told_steps = now, None, due
        self.words |= dict.fromkeys(active, "firing") | dict.fromkeys(ended | gone, "resolved")
        self.worst = {one: severity for one, severity in self.worst.items() if one not in ended | gone}
        for one in active:
            self.worst[one] = max(self.worst.get(one, Severity.INFO), members[one].alert.severity)
        yield from self._to(whom, active, ended, len(gone))

    def _climb(self, now: int, active: set[str], needing: set[str], news_due: int | None) -> Iterator[Told]:
        if not any(self.words.get(one) == "firing" for one in needing) or self.said is None:
            return
        before, due = self.told_steps, self._due(now)
        if due <= before or (before == 0 and (news_due is not None or now < self.said + INTERVAL)):
            return
        whom = dict.fromkeys(_reached(self.steps[before:due], now), Reason.ESCALATED)
        if before == 0:
            whom |= dict.fromkeys(_reached(self.steps[:1], now), Reason.AGAIN)
            self.said = now
        self.told_steps = due
        yield from self._to(whom, {one for one in active if self.words.get(one) == "firing"}, set(), 0)

    def _to(self, whom: Mapping[str, Reason], active: set[str], ended: set[str], gone: int) -> Iterator[Told]:
        self.names = list(dict.fromkeys([*self.names, *whom]))
        for name, reason in whom.items():
            yield name, reason, frozenset(active), frozenset(ended), gone

    def _due(self, now: int) -> int:
        if self.needed_since is None:
            return 0
        return max(
            self.told_steps, sum(1 for step in self.steps if self.needed_since + step.after_seconds * 1000 <= now)
        )


def _reached(steps: tuple[Step, ...], now: int) -> list[str]:
    names = [name for step in steps for name in step.receivers]
    return list(dict.fromkeys(on_call(DUTY, now) if name == "duty" else name for name in names))


class Policy(RuleBasedStateMachine):
    """Alerts of two teams and two racks, in the groups of three routes."""

    @initialize(is_muted=st.booleans())
    def begin(self, is_muted: bool) -> None:
        self.is_muted = is_muted
        self.notifying = _notifying(is_muted=is_muted)
        self.now_ms = T0
        self.alerts: dict[str, Alert] = {}
        self.older: list[Alert] = []
        self.held: set[str] = set()
        self.open: dict[Key, Incident] = {}
        self.tellings: dict[Key, Telling] = {}
        self.heard: dict[tuple[str, str], list[Notice]] = {}
        self.ids = count()
        self.is_changed = True
        # Real seconds since the clock was set back: how long each alert was needed and untold, and each group over and open.
        self.untold: dict[tuple[Key, str], float] = {}
        self.lingering: dict[Key, float] = {}
        for team, rack in (("a", ""), ("b", ""), ("b", "1")):
            self._begin(team, rack, Severity.HIGH)
        self._pass(0)

    @rule(team=_TEAMS, rack=st.sampled_from(["", "", "1"]), severity=_SEVERITIES, seconds=_SECONDS)
    def one_comes(self, team: str, rack: str, severity: Severity, seconds: float) -> None:
        if len(self.alerts) < 4:
            self._begin(team, rack, severity)
        self._pass(seconds)

    @rule(place=_PLACES, state=_TURNS, seconds=_SECONDS)
    def one_turns(self, place: int, state: AlertState, seconds: float) -> None:
        """Whatever the state before: of what the board lets be, this is more."""
        if alert := self._pick(place):
            self._put(replace(alert, state=state))
        self._pass(seconds)

    @rule(state=_TURNS, seconds=_SECONDS)
    def all_turn(self, state: AlertState, seconds: float) -> None:
        for alert in list(self.alerts.values()):
            self._put(replace(alert, state=state))
        self._pass(seconds)

    @rule(place=_PLACES, seconds=_SECONDS)
    def one_is_held_or_released(self, place: int, seconds: float) -> None:
        if alert := self._pick(place):
            self.held ^= {alert.id}
            self.is_changed = True
        self._pass(seconds)

    @rule(place=_PLACES, team=_TEAMS, severity=_SEVERITIES, seconds=_SECONDS)
    def one_gets_other_labels(self, place: int, team: str, severity: Severity, seconds: float) -> None:
        if alert := self._pick(place):
            self._put(replace(alert, labels={**alert.labels, "team": team}, severity=severity))
        self._pass(seconds)

    @rule(place=_PLACES, seconds=_SECONDS)
    def one_vanishes(self, place: int, seconds: float) -> None:
        if alert := self._pick(place):
            del self.alerts[alert.id]
            self.is_changed = True
        self._pass(seconds)

    @rule(without=st.sampled_from(["", "{team=b}", "{rack=1}"]), seconds=_SECONDS)
    def routes_change(self, without: str, seconds: float) -> None:
        self.notifying = _notifying(is_muted=self.is_muted, without=without)
        self.is_changed = True
        self._pass(seconds)

    @rule(seconds=_SECONDS, again=_SECONDS)
    def time_passes(self, seconds: float, again: float) -> None:
        self._pass(seconds)
        self._pass(again)

    @rule(jump=_JUMPS, seconds=_SECONDS)
    def clock_jumps(self, jump: float, seconds: float) -> None:
        self.now_ms += round(jump * 1000)
        if jump < 0:
            self.untold, self.lingering = {}, {}
        self.is_changed = True
        self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        before_ms = self.now_ms
        self.now_ms += round(seconds * 1000)
        moment_ms = next_moment_ms(self.notifying, self.open.values())
        is_early = not self.is_changed and (moment_ms is None or before_ms < self.now_ms < moment_ms)
        told = self._plan(seconds)
        if is_early and not self.is_muted:
            assert told == [], (moment_ms, told)

    @invariant()
    def of_a_group_one_incident_is_open(self) -> None:
        incidents = getattr(self, "open", {})
        assert all(incident.key == key and incident.ended_ms is None for key, incident in incidents.items())

    def _begin(self, team: str, rack: str, severity: Severity) -> None:
        name = f"a{next(self.ids)}"
        labels = {"alertname": "Full", "team": team} | ({"rack": rack} if rack else {})
        self._put(Alert(name, "rules", name, "Full", severity, labels, {}, self.now_ms, 0, 0, _S.FIRING))

    def _pick(self, place: int) -> Alert | None:
        return list(self.alerts.values())[place % len(self.alerts)] if self.alerts else None

    def _put(self, alert: Alert) -> None:
        if known := self.alerts.get(alert.id):
            self.older = [*self.older, known][-3:]
        self.alerts[alert.id] = replace(alert, revision=alert.revision + 1)
        self.is_changed = True

    def _subject(self, alert: Alert) -> Subject:
        return Subject(alert, keys_of(self.notifying, alert.labels), alert.id in self.held and alert.is_active)

    def _plan(self, seconds: float) -> list[Notice]:
        """Plan once, and again: what is said is what the plainer description says, and nothing the second time."""
        # A few come twice: as they were read before, and as they are.
        twice = [self._subject(one) for one in self.older if one.id in self.alerts]
        subjects = [self._subject(one) for one in self.alerts.values()]
        groups: dict[Key, dict[str, Subject]] = {}
        for subject in subjects:
            for key in subject.keys if subject.alert.state is not _S.PENDING else ():
                groups.setdefault(key, {})[subject.alert.id] = subject
        changes = plan(self.notifying, self.open.values(), self._merged(twice, subjects), self.now_ms, self._id)
        told = [notice for change in changes for notice in change.notices]
        before = dict(self.open)
        for change in changes:
            self._keep(change)
        self._compare(groups, before, told)
        assert plan(self.notifying, self.open.values(), subjects, self.now_ms, self._id) == []
        self._nobody_waits(groups, seconds)
        self.is_changed = False
        return told

    @staticmethod
    def _merged(twice: list[Subject], subjects: list[Subject]) -> list[Subject]:
        # An old copy may be of a group in which its alert is not any more, and would stand there alone: those are left out.
        keys = {subject.alert.id: subject.keys for subject in subjects}
        same = [one for one in twice if keys[one.alert.id] == one.keys and one.alert.state is not _S.PENDING]
        ready = {one.alert.id for one in subjects if one.alert.state is not _S.PENDING}
        same = [one for one in same if one.alert.id in ready]
        return [*same[::2], *subjects, *same[1::2]]

    def _id(self) -> str:
        return f"i{next(self.ids)}"

    def _keep(self, change: Change) -> None:
        before, after = change.before, change.after
        assert self.open.get(before.key if before else after.key) == before
        if before and before.key != after.key:
            # It goes on in another group, in which none was open.
            assert after.key not in self.open
            del self.open[before.key]
        assert after.number == (before.number if before else 0) + bool(change.notices)
        assert len({notice.receiver for notice in change.notices}) == len(change.notices)
        self._listen(before, after, change.notices)
        if after.ended_ms is None:
            self.open[after.key] = replace(after, revision=after.revision + 1)
            return
        self.open.pop(after.key, None)
        for name in after.told_to:
            # Whoever heard of it heard last that nothing of it fires any more; and as loudly as before.
            heard = self.heard[after.id, name]
            assert heard[-1].is_over, (name, heard[-1])
            assert heard[-1].reach >= max(notice.severity for notice in heard)

    def _listen(self, before: Incident | None, after: Incident, notices: tuple[Notice, ...]) -> None:
        """Nobody is told without a reason that is there, or twice for one that is not there any more."""
        known = before.told if before else {}
        louder = before.severities if before else {}
        for notice in notices:
            assert notice.number == after.number
            needing = {line.id: line.severity for line in notice.firing if line.state in NEEDS}
            match Reason(notice.reason):
                case Reason.FIRST | Reason.NEW:
                    assert any(known.get(one) != FIRING or severity > louder[one] for one, severity in needing.items())
                case Reason.RESOLVED | Reason.ALL_RESOLVED | Reason.MOVED:
                    assert notice.resolved_count
                    # Not over while something fires of which people were told, though it is held back.
                    assert notice.reason != Reason.RESOLVED or not notice.is_over
                case _:
                    assert needing
            # An end is told of what people were told of, once.
            assert all(known[line.id] == FIRING != after.told[line.id] for line in notice.resolved)
            self.heard.setdefault((after.id, notice.receiver), []).append(notice)

    def _move(self, groups: dict[Key, dict[str, Subject]], before: dict[Key, Incident]) -> None:
        routes = {route.path: route for route in self.notifying.root.walk()}
        homes: dict[str, set[Key]] = {}
        for key, members in groups.items():
            for one in [one for one, subject in members.items() if subject.alert.is_active]:
                homes.setdefault(one, set()).add(key)
        taken = set(before)
        for key in [key for key in before if key not in groups]:
            told_of = [one for one, word in self.tellings[key].words.items() if word == "firing"]
            found = {home for one in told_of for home in homes.get(one, ())}
            steps = [self.notifying.steps_of(routes[home[0]].receiver) for home in found]
            if len(found) != 1 or found & taken:
                continue
            if set(_reached(steps[0][:1], self.now_ms)) <= set(self.tellings[key].names):
                # People know all of it: it goes on where it is now.
                self.tellings[found.pop()] = replace(self.tellings.pop(key), steps=steps[0])
                taken = {*before, *self.tellings}

    def _compare(self, groups: dict[Key, dict[str, Subject]], before: dict[Key, Incident], told: list[Notice]) -> None:
        routes = {route.path: route for route in self.notifying.root.walk()}
        self._move(groups, before)
        by_key: dict[Key, set[Told]] = {}
        for one in told:
            key = (one.route, tuple(sorted(one.labels.items())))
            firing, resolved = frozenset(line.id for line in one.firing), frozenset(line.id for line in one.resolved)
            rest = one.resolved_count - len(resolved)
            by_key.setdefault(key, set()).add((one.receiver, one.reason, firing, resolved, rest))
        for key, members in groups.items():
            route = routes[key[0]]
            is_mute = any(is_muted(self.notifying.mutes[name], self.now_ms) for name in route.mutes)
            telling = self.tellings.setdefault(key, Telling(self.notifying.steps_of(route.receiver)))
            expected = telling.at(self.now_ms, members, is_mute=is_mute)
            assert by_key.pop(key, set()) == set(expected), key
            assert telling.is_open == (key in self.open), key
        active = {one for members in groups.values() for one, subject in members.items() if subject.alert.is_active}
        for key in [key for key in self.tellings if key not in groups]:
            telling = self.tellings.pop(key)
            left = {one for one, word in telling.words.items() if word == "firing"}
            reason = Reason.MOVED if left & active else Reason.ALL_RESOLVED
            names = telling.names if left else []
            assert by_key.pop(key, set()) == {(name, reason, frozenset(), frozenset(), len(left)) for name in names}
            assert key not in self.open
        assert by_key == {}
        assert set(before) | set(self.tellings) >= set(self.open)

    def _nobody_waits(self, groups: dict[Key, dict[str, Subject]], seconds: float) -> None:
        untold: dict[tuple[Key, str], float] = {}
        lingering: dict[Key, float] = {}
        limit = (WAIT + INTERVAL) / 1000
        for key, members in groups.items():
            incident = self.open.get(key)
            if any(route.path == key[0] and route.mutes for route in self.notifying.root.walk()):
                continue
            for one, subject in members.items():
                if subject.needs and (incident is None or incident.told.get(one) != FIRING):
                    untold[key, one] = self.untold.get((key, one), -seconds) + seconds
            if incident and not any(subject.alert.is_active for subject in members.values()):
                lingering[key] = self.lingering.get(key, -seconds) + seconds
        assert all(waited < limit for waited in untold.values()), untold
        assert all(waited < limit for waited in lingering.values()), lingering
        self.untold, self.lingering = untold, lingering


TestPolicy = Policy.TestCase
TestPolicy.settings = settings(max_examples=100, stateful_step_count=40, deadline=None, phases=[Phase.generate])
