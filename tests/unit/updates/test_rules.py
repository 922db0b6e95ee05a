import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.model.host import HostState
from nagare.updates.rules import (
    HostNow,
    Move,
    Progress,
    Rollout,
    RolloutState,
    Step,
    Verdict,
    check_waves,
    is_held_back,
    is_reached,
    judge,
    pick_canaries,
    waiting,
)

ROLLOUT = Rollout(
    id="r1",
    version="0.2.0",
    state=RolloutState.RUNNING,
    canaries=("c1", "c2"),
    waves=(25, 100),
    gate_seconds=60,
    patience_seconds=600,
    made_by="admin",
    started_ms=0,
    changed_ms=0,
)
LAST = dataclasses.replace(ROLLOUT, wave=2)


def host(name: str, progress: Progress | None = None, state: HostState = HostState.UP, trouble: str = "") -> HostNow:
    step = None if progress is None else Step(name, progress, 0, "it did not deliver")
    return HostNow(f"id-{name}", name, state, step, trouble)


DONE = Progress.INSTALLED


def test_nothing_moves_before_every_canary_is_up_with_the_version() -> None:
    assert judge(ROLLOUT, [host("c1", DONE), host("c2")], 1000) == Verdict(Move.WAIT)
    assert judge(ROLLOUT, [host("c1", DONE), host("c2", DONE, HostState.STALE)], 1000) == Verdict(Move.WAIT)
    assert judge(ROLLOUT, [host("c1", DONE), host("c2", DONE)], 1000) == Verdict(Move.SETTLE)


def test_a_wave_must_stay_well_for_the_time_of_the_gate() -> None:
    both = [host("c1", DONE), host("c2", DONE)]
    settled = dataclasses.replace(ROLLOUT, settled_ms=1000)
    assert judge(settled, both, 60_999) == Verdict(Move.WAIT)
    assert judge(settled, both, 61_000) == Verdict(Move.ADVANCE)
    assert judge(dataclasses.replace(settled, wave=2), both, 61_000) == Verdict(Move.FINISH)
    assert judge(settled, [host("c1", DONE), host("c2", DONE, HostState.STALE)], 61_000) == Verdict(Move.UNSETTLE)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (host("c2", Progress.FAILED), "c2: it did not deliver"),
        (host("c2", DONE, HostState.DOWN), "c2: silent since the update"),
        (host("c2", DONE, trouble="3 batches dropped since the update"), "c2: 3 batches dropped since the update"),
    ],
)
def test_what_goes_bad_stops_it_with_the_reason(bad: HostNow, reason: str) -> None:
    assert judge(ROLLOUT, [host("c1", DONE), bad], 1000) == Verdict(Move.STOP, reason)
    settled = dataclasses.replace(ROLLOUT, settled_ms=1)
    assert judge(settled, [host("c1", DONE), bad], 10**9) == Verdict(Move.STOP, reason)


def test_what_goes_bad_on_hosts_that_have_nothing_new_stops_nothing() -> None:
    ill = host("x", state=HostState.DOWN, trouble="collector disk fails since the update")
    assert judge(ROLLOUT, [host("c1", DONE), host("c2", DONE), ill], 1000) == Verdict(Move.SETTLE)


def test_patience_ends() -> None:
    found = judge(ROLLOUT, [host("c1", DONE), host("c2")], 600_001)
    assert found == Verdict(Move.STOP, "not up with 0.2.0 in time: c2")


def test_later_waves_do_not_wait_for_hosts_that_are_away() -> None:
    canaries = [host("c1", DONE), host("c2", DONE)]
    assert judge(LAST, [*canaries, host("x", state=HostState.DOWN)], 1000) == Verdict(Move.SETTLE)
    assert judge(LAST, [*canaries, host("x")], 1000) == Verdict(Move.WAIT)
    # Away since it was offered: that is for the update to answer.
    assert judge(LAST, [*canaries, host("x", Progress.OFFERED, HostState.DOWN)], 1000) == Verdict(Move.WAIT)


def kept(name: str, progress: Progress | None = None, state: HostState = HostState.DOWN, **more: Any) -> HostNow:
    return dataclasses.replace(host(name, progress, state), maintenance="new disks", **more)


@pytest.mark.parametrize("progress", [None, Progress.OFFERED, DONE])
@pytest.mark.parametrize("state", [HostState.DOWN, HostState.STALE, HostState.UNKNOWN])
def test_a_canary_in_maintenance_is_neither_well_nor_ill(progress: Progress | None, state: HostState) -> None:
    away = kept("c2", progress, state, trouble="collector disk fails since the update")
    settled = dataclasses.replace(ROLLOUT, settled_ms=0)
    for late_ms in (1000, 10**9):
        assert judge(ROLLOUT, [host("c1", DONE), away], late_ms) == Verdict(Move.SETTLE)
        assert judge(settled, [host("c1", DONE), away], max(60_000, late_ms)) == Verdict(Move.ADVANCE)
    assert [one.name for one in waiting(ROLLOUT, [host("c1", DONE), away])] == ["c2"]


def test_a_canary_that_is_seen_well_in_maintenance_counts_as_well() -> None:
    seen = [kept("c1", DONE, HostState.UP), kept("c2", DONE, HostState.UP)]
    assert judge(ROLLOUT, seen, 1000) == Verdict(Move.SETTLE)
    assert waiting(ROLLOUT, seen) == []


def test_nothing_passes_that_nobody_saw_well_and_that_does_not_last_for_ever() -> None:
    away = [kept("c1", DONE), kept("c2")]
    assert judge(ROLLOUT, away, 600_000) == Verdict(Move.WAIT)
    assert judge(dataclasses.replace(ROLLOUT, settled_ms=1000), away, 600_000) == Verdict(Move.UNSETTLE)
    reason = "nobody seen well with 0.2.0 in time: c1 (in maintenance: new disks); c2 (in maintenance: new disks)"
    assert judge(ROLLOUT, away, 600_001) == Verdict(Move.STOP, reason)
    # Time in which it was well is none in which nobody was.
    assert judge(ROLLOUT, away, 600_001, well_ms=10) == Verdict(Move.WAIT)
    assert judge(ROLLOUT, [], 600_001).reason == "nobody seen well with 0.2.0 in time: no host is left"


def test_what_an_agent_says_itself_counts_in_maintenance_too() -> None:
    assert judge(ROLLOUT, [host("c1", DONE), kept("c2", Progress.FAILED)], 1).move is Move.STOP


def test_the_last_wave_waits_for_maintenance_as_long_as_patience_lasts_and_says_who_was_left_out() -> None:
    settled = dataclasses.replace(LAST, settled_ms=0)
    hosts = [host("c1", DONE), host("c2", DONE), kept("x", state=HostState.UP)]
    assert judge(settled, hosts, 600_000) == Verdict(Move.WAIT)
    assert judge(settled, hosts, 600_001) == Verdict(Move.FINISH, "without x (in maintenance: new disks)")
    # Once it is over the host is one like the others, with all the patience that it did not use.
    back = dataclasses.replace(hosts[2], maintenance="", excused_ms=500_000)
    assert judge(settled, [*hosts[:2], back], 1_100_000) == Verdict(Move.UNSETTLE)
    assert judge(settled, [*hosts[:2], back], 1_100_001).reason == "not up with 0.2.0 in time: x"


def test_who_comes_out_of_maintenance_is_given_time_to_come_up() -> None:
    both = [host("c1", DONE), dataclasses.replace(host("c2", DONE, HostState.DOWN), is_returning=True)]
    assert judge(ROLLOUT, both, 600_000) == Verdict(Move.WAIT)
    assert judge(ROLLOUT, both, 600_001).reason == "not up with 0.2.0 in time: c2"
    other = dataclasses.replace(host("x", DONE, HostState.DOWN), is_returning=True)
    assert judge(LAST, [host("c1", DONE), host("c2", DONE), other], 1000) == Verdict(Move.WAIT)


@pytest.mark.parametrize(
    ("maintenance", "everywhere", "expected"),
    [("", ["", "x"], False), ("x", ["", "x"], True), ("x", ["x"], False), ("x", ["x", "y"], False)],
)
def test_who_is_in_maintenance_is_offered_nothing_unless_all_are(
    maintenance: str, everywhere: list[str], *, expected: bool
) -> None:
    assert is_held_back(maintenance, everywhere) is expected


@given(st.text(min_size=1, max_size=32), st.integers(0, 2))
def test_who_is_reached_stays_reached(host_id: str, wave: int) -> None:
    now, later = (dataclasses.replace(ROLLOUT, wave=number) for number in (wave, min(2, wave + 1)))
    assert not is_reached(now, host_id, "x") or is_reached(later, host_id, "x")
    assert is_reached(LAST, host_id, "x")
    assert not is_reached(ROLLOUT, host_id, "x")
    assert is_reached(ROLLOUT, host_id, "c1")


@given(
    st.dictionaries(st.text(min_size=1, max_size=8), st.uuids().map(str), min_size=1, max_size=40), st.floats(0, 100)
)
def test_a_share_is_one_canary_at_least(hosts: dict[str, str], percent: float) -> None:
    chosen = pick_canaries("r1", hosts, percent)
    assert 1 <= len(chosen) <= len(hosts)
    assert set(chosen) <= set(hosts)
    assert len(chosen) >= len(hosts) * percent / 100


@pytest.mark.parametrize("waves", [[], [100, 100], [50, 25, 100], [50], [0, 100], [101], list(range(1, 12))])
def test_waves_rise_to_all(waves: list[int]) -> None:
    assert check_waves([10, 50, 100]) == (10, 50, 100)
    with pytest.raises(InputError):
        check_waves(waves)
