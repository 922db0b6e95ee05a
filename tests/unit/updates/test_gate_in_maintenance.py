"""A rollout over hosts that come and go, in and out of maintenance: what must hold whatever happens, in any order."""

import dataclasses

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nagare.model.host import HostState
from nagare.updates.absences import Absences, Seen
from nagare.updates.rules import HostNow, Move, Progress, Rollout, RolloutState, Step, is_held_back, is_reached, judge

GATE_MS, PATIENCE_MS = 60_000, 300_000
NAMES = ("c1", "c2", "x", "y")
WHICH = st.sampled_from(NAMES)
SOME = st.sets(WHICH, min_size=1)


@dataclasses.dataclass
class Machine:
    """One host as it truly is; ``blame_ms`` is how long it was out of maintenance and not well in this wave."""

    name: str
    state: HostState = HostState.UP
    maintenance: str = ""
    progress: Progress | None = None
    blame_ms: int = 0
    was_up_since: bool = True

    @property
    def is_well(self) -> bool:
        return self.progress is Progress.INSTALLED and self.state is HostState.UP


class RolloutInMaintenance(RuleBasedStateMachine):
    """The rollout moves by ``judge`` once a second, as the service has it."""

    @initialize(share=st.sampled_from([1, 50]))
    def begin(self, share: int) -> None:
        self.now_ms = 0
        self.hosts = {name: Machine(name) for name in NAMES}
        self.absences = Absences()
        # For how long, at each look, a host of the wave was seen to be well.
        self.well_since_ms: int | None = None
        self.rollout = Rollout(
            id="r1", version="0.2.0", state=RolloutState.RUNNING, canaries=("c1", "c2"), waves=(share, 100),
            gate_seconds=GATE_MS / 1000, patience_seconds=PATIENCE_MS / 1000, made_by="admin", started_ms=0, changed_ms=0,
        )  # fmt: skip

    def is_member(self, host: Machine) -> bool:
        return is_reached(self.rollout, host.name, host.name)

    @rule(name=WHICH, state=st.sampled_from([HostState.UP, HostState.STALE, HostState.DOWN]))
    def live(self, name: str, state: HostState) -> None:
        """The machine falls silent, or comes back."""
        self.hosts[name].state = state

    @rule(names=SOME, state=st.sampled_from([HostState.UP, HostState.DOWN]))
    def begin_work(self, names: set[str], state: HostState) -> None:
        """Somebody begins to work on machines, and may switch them off."""
        for name in names:
            self.hosts[name].maintenance, self.hosts[name].state = "new disks", state

    @rule(names=SOME, is_back=st.booleans())
    def end_work(self, names: set[str], *, is_back: bool) -> None:
        """The work ends, whether the machines are back or not."""
        for name in names:
            host = self.hosts[name]
            host.maintenance, host.state = "", HostState.UP if is_back else host.state

    @rule(names=SOME)
    def work_too_long(self, names: set[str]) -> None:
        """Machines are switched off in a window, and are not back when it ends."""
        self.begin_work(names, HostState.DOWN)
        self.step()
        self.end_work(names, is_back=False)
        self.step()

    def ask(self, name: str) -> None:
        """The agent asks, and installs what it is offered."""
        host = self.hosts[name]
        if self.rollout.state is not RolloutState.RUNNING or host.state is HostState.DOWN or not self.is_member(host):
            return
        everywhere = [other.maintenance for other in self.hosts.values()]
        if host.progress is Progress.OFFERED:
            host.progress = Progress.INSTALLED
        elif host.progress is None and not is_held_back(host.maintenance, everywhere):
            assert not host.maintenance or all(everywhere), "it was offered to a host in maintenance"
            host.progress = Progress.OFFERED

    @rule(seconds=st.sampled_from([1, 20, 65, 150, 290, 400]))
    def wait(self, seconds: int) -> None:
        """Time passes, in which agents that run ask now and then."""
        for second in range(seconds):
            if second % 10 == 0:
                for name in NAMES:
                    self.ask(name)
            self.step()

    def step(self) -> None:
        """One second and one look, as the service looks."""
        rollout = self.rollout
        self.now_ms += 1000
        hosts = self.hosts.values()
        self.absences.look(
            [Seen(host.name, host.state, host.maintenance, host.is_well) for host in hosts],
            rollout.wave_ms,
            self.now_ms,
        )
        if rollout.state is not RolloutState.RUNNING:
            return
        for host in hosts:
            host.was_up_since = host.state is HostState.UP or (host.was_up_since and not host.maintenance)
        is_seen = any(host.is_well for host in hosts if self.is_member(host))
        self.well_since_ms = (self.well_since_ms or self.now_ms) if is_seen else None
        verdict = judge(rollout, [self.seen(host) for host in hosts], self.now_ms, self.absences.well_ms)
        self.check(verdict.move, verdict.reason)
        changes: dict[Move, dict[str, object]] = {
            Move.SETTLE: {"settled_ms": self.now_ms},
            Move.UNSETTLE: {"settled_ms": None},
            Move.ADVANCE: {"wave": rollout.wave + 1, "wave_ms": self.now_ms, "settled_ms": None},
            Move.FINISH: {"state": RolloutState.DONE},
            Move.STOP: {"state": RolloutState.PAUSED, "reason": verdict.reason},
        }
        self.rollout = dataclasses.replace(rollout, **changes.get(verdict.move, {}))  # type: ignore[arg-type]
        is_new = verdict.move is Move.ADVANCE
        for host in hosts:
            counts = not host.maintenance and not host.is_well
            host.blame_ms = 0 if is_new else host.blame_ms + 1000 * counts

    def seen(self, host: Machine) -> HostNow:
        step = None if host.progress is None else Step(host.name, host.progress, 0)
        returning, excused = self.absences.is_returning(host.name), self.absences.excused_ms(host.name)
        return HostNow(host.name, host.name, host.state, step, "", host.maintenance, returning, excused)

    def check(self, move: Move, reason: str) -> None:
        if move in (Move.ADVANCE, Move.FINISH):
            assert self.well_since_ms is not None, "it went on though nobody was seen well"
            assert self.now_ms - self.well_since_ms >= GATE_MS, "it went on before the gate's time was over"
            left = [host for host in self.hosts.values() if self.is_member(host) and not host.is_well]
            named = [host.name for host in left if host.maintenance]
            canaries = [host.name for host in left if host.name in self.rollout.canaries and not host.maintenance]
            assert canaries == [], "it went on without a canary that is in no maintenance"
            if move is Move.FINISH:
                assert all(f"{name} (in maintenance: new disks)" in reason for name in named)
        if move is Move.STOP and not reason.startswith("nobody seen well"):
            # Whoever is blamed is out of maintenance, and not for the time that it was in.
            for host in self.hosts.values():
                if host.name in reason.partition(": ")[2] or reason.startswith(f"{host.name}:"):
                    assert not host.maintenance, reason
                    assert "silent" not in reason or host.was_up_since, "silent since maintenance, not since the update"
                    assert "in time" not in reason or host.blame_ms + 1000 >= PATIENCE_MS, reason

    @invariant()
    def nobody_is_lost(self) -> None:
        if hasattr(self, "rollout"):
            assert 0 <= self.rollout.wave <= len(self.rollout.waves)

    def teardown(self) -> None:
        """Whatever state it is left in, even with hosts in maintenance for ever, it comes to an end."""
        if not hasattr(self, "rollout"):
            return
        waves = len(self.rollout.waves) + 1
        for _ in range(waves * (PATIENCE_MS + GATE_MS + 10_000) // 1000):
            for name in NAMES:
                self.ask(name)
            self.step()
        assert self.rollout.state is not RolloutState.RUNNING, f"it hangs: {self.rollout} {self.hosts}"


TestRolloutInMaintenance = RolloutInMaintenance.TestCase
TestRolloutInMaintenance.settings = settings(max_examples=120, stateful_step_count=12, deadline=None)
