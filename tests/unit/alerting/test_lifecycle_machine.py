"""The life of an alert against a second, plainer description of it: whatever is seen, asked for, and done to the clock."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.lifecycle import Seen, Step, Timing
from nagare.model.alert.alert import NEXT, Alert, AlertState, Transition
from nagare.model.alert.rule import NoData
from nagare.model.event import Severity

_S = AlertState
_LABELS = {"alertname": "Full", "host": "web1"}
_SECONDS = st.sampled_from([0.0, 30.0, 120.0])


class Life(RuleBasedStateMachine):
    """One thing, looked at again and again.

    The model counts real time, which only goes forwards: what the rule says of waiting must hold of that, whatever the clock says.
    """

    @initialize(for_seconds=_SECONDS, keep_seconds=_SECONDS, reopen_seconds=_SECONDS)
    def begin(self, for_seconds: float, keep_seconds: float, reopen_seconds: float) -> None:
        self.timing = Timing(for_seconds, keep_seconds, reopen_seconds)
        self.now_ms = 1_760_000_000_000
        self.stored: dict[str, Alert] = {}
        self.memory: dict[str, Alert] = {}
        self.turns: dict[str, list[Transition]] = {}
        self.made = 0
        # Real seconds for which the thing fired, was calm, or was resolved and not firing, at every look since.
        self.firing_seconds = self.calm_seconds = self.resolved_seconds = 0.0
        self.is_first = self.is_first_calm = True
        self.is_set_back = False

    def _id(self) -> str:
        self.made += 1
        return f"a{self.made}"

    def _open(self) -> Alert | None:
        found = [alert for alert in self.memory.values() if alert.state is not _S.CLOSED]
        assert len(found) <= 1, found
        return found[0] if found else None

    def _keep(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            alert = step.alert
            if step.is_dropped:
                assert self.memory[alert.id].state is _S.PENDING
                for kept in (self.memory, self.stored, self.turns):
                    kept.pop(alert.id, None)
                continue
            if not step.turns:
                # Only measured: memory has it, the records get it later.
                assert self.memory[alert.id].state is alert.state
                self.memory[alert.id] = alert
                continue
            history = self.turns.setdefault(alert.id, [])
            for turn in step.turns:
                before = history[-1].after if history else None
                assert turn.before is before
                assert turn.after in (NEXT[before] if before else {_S.PENDING, _S.FIRING}), (before, turn.after)
                assert turn.actor
                assert turn.cause
                history.append(turn)
            assert history[-1].after is alert.state
            self.memory[alert.id] = self.stored[alert.id] = replace(alert, revision=alert.revision + len(step.turns))

    def _look(
        self, look: Callable[[Alert | None], tuple[Step, ...]], seconds: float, *, is_firing: bool, is_calm: bool
    ) -> None:
        """Let time pass, look once, and see that nothing waited longer than its rule says and one look more."""
        self.now_ms += round(seconds * 1000)
        before = self._open()
        self._count(before, seconds, is_firing=is_firing, is_calm=is_calm)
        self._keep(look(before))
        after = self._open()
        if is_firing and self.firing_seconds - seconds > self.timing.for_seconds:
            assert after is not None, "it held for longer than the rule asks"
            assert after.is_active, after
        if before is not None and before.state is _S.PENDING and not is_firing:
            assert after is None
            assert before.id not in self.turns
        if (
            before is not None
            and before.is_active
            and is_calm
            and self.calm_seconds - seconds > self.timing.keep_firing_seconds
        ):
            assert after is None or not after.is_active, "it was calm for longer than the rule asks"
        if self.resolved_seconds - seconds > self.timing.reopen_seconds:
            assert after is None or after.state is not _S.RESOLVED, "it stayed resolved for longer than the rule asks"

    def _count(self, before: Alert | None, seconds: float, *, is_firing: bool, is_calm: bool) -> None:
        # How long ago the last look was, a clock that was set back since then does not tell.
        counted = 0.0 if self.is_set_back else seconds
        self.firing_seconds = self.firing_seconds + counted if is_firing and not self.is_first else 0.0
        self.is_first, self.is_set_back = not is_firing, False
        # From the last look at which it was not calm.
        self.calm_seconds = self.calm_seconds + counted if is_calm else 0.0
        is_resolved = before is not None and before.state is _S.RESOLVED and not is_firing
        self.resolved_seconds = self.resolved_seconds + counted if is_resolved else 0.0

    @rule(seconds=st.floats(1, 60), times=st.integers(1, 5))
    def fires(self, seconds: float, times: int) -> None:
        for _ in range(times):
            self._sees(seconds, is_firing=True, is_calm=False)

    @rule(seconds=st.floats(1, 60), times=st.integers(1, 5))
    def is_calm(self, seconds: float, times: int) -> None:
        for _ in range(times):
            self._sees(seconds, is_firing=False, is_calm=True)

    def _sees(self, seconds: float, *, is_firing: bool, is_calm: bool) -> None:
        seen = Seen("rules", "f", "Full", Severity.HIGH, _LABELS, {}, 1.0, is_firing, is_calm)

        def look(known: Alert | None) -> tuple[Step, ...]:
            return lifecycle.look(known, seen, self.timing, self.now_ms, self._id)

        self._look(look, seconds, is_firing=is_firing, is_calm=is_calm)

    @rule(seconds=st.floats(1, 60))
    def is_between(self, seconds: float) -> None:
        before = self._open()
        self._sees(seconds, is_firing=False, is_calm=False)
        if before is not None and before.is_active:
            after = self._open()
            assert after is not None
            assert after.state is before.state

    @rule(seconds=st.floats(1, 60), no_data=st.sampled_from(NoData))
    def is_missing(self, seconds: float, no_data: NoData) -> None:
        before = self._open()
        ends = no_data is NoData.RESOLVE or before is None or not before.is_active

        def look(known: Alert | None) -> tuple[Step, ...]:
            return () if known is None else lifecycle.miss(known, no_data, self.timing, self.now_ms)

        self._look(look, seconds, is_firing=False, is_calm=ends)
        after = self._open()
        if not ends:
            assert before is not None
            assert after is not None
            assert (after.state, after.is_stale) == (before.state, True)

    @rule()
    def nobody_could_look(self) -> None:
        known = self._open()
        step = None if known is None else lifecycle.doubt(known, self.now_ms)
        if step is not None:
            self._keep((step,))
            assert self.memory[step.alert.id].is_stale

    @rule(verb=st.sampled_from([lifecycle.acknowledge, lifecycle.unacknowledge, lifecycle.resolve, lifecycle.close]))
    def somebody_acts(self, verb: Callable[[Alert, str, str, int], Step | None]) -> None:
        known = self._open()
        step = None if known is None else verb(known, "alice", "because", self.now_ms)
        if known is None or step is None:
            return
        self._keep((step,))
        after = self.memory[known.id]
        assert after.state is not known.state
        assert (after.owner == "alice") == (after.state is _S.ACKNOWLEDGED or known.owner == "alice" == after.owner)
        if after.state is _S.RESOLVED:
            self.firing_seconds, self.is_first, self.resolved_seconds = 0.0, True, 0.0

    @rule(hours=st.sampled_from([-48.0, -1.0, -0.01, 0.01, 1.0, 48.0]))
    def the_clock_is_set(self, hours: float) -> None:
        self.now_ms += round(hours * 3_600_000)
        if hours < 0:
            # What had held by the last look still counts. The other waits may begin anew, and take no longer than that.
            self.is_set_back = True
            self.calm_seconds = self.resolved_seconds = 0.0

    @rule()
    def the_server_starts_again(self) -> None:
        self.memory = dict(self.stored)
        # What was measured last is lost, at most: waiting may begin anew.
        self.firing_seconds, self.is_first = 0.0, True
        self.calm_seconds = self.resolved_seconds = 0.0

    @invariant()
    def one_is_open(self) -> None:
        if not hasattr(self, "memory"):
            return
        known = self._open()
        assert {alert.id for alert in self.memory.values()} == set(self.turns)
        if known is not None and known.state is _S.ACKNOWLEDGED:
            assert known.owner
        for alert in self.memory.values():
            lifecycle.is_flapping(alert, self.now_ms)
            assert len(alert.comes) <= 8


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, phases=[Phase.generate])
