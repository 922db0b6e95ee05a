from nagare.model.host import HostState
from nagare.updates.absences import Absences, Seen

UP, DOWN = HostState.UP, HostState.DOWN


def looked(*looks: tuple[int, HostState, str, bool], wave_ms: int = 0) -> Absences:
    """Return what is known of host h after ``looks``: when, its state, why it is in maintenance, whether it is well."""
    absences = Absences()
    for now_ms, state, why, is_well in looks:
        absences.look([Seen("h", state, why, is_well)], wave_ms, now_ms)
    return absences


def test_patience_stands_still_in_maintenance_and_while_the_host_is_well() -> None:
    absences = looked((0, UP, "", False), (10, UP, "disks", False), (30, DOWN, "", False), (70, UP, "", True),
                      (150, UP, "", False), (310, UP, "", False))  # fmt: skip
    assert absences.excused_ms("h") == (30 - 10) + (150 - 70)
    assert absences.well_ms == 150 - 70
    assert absences.excused_ms("another") == 0


def test_a_wave_begins_with_nothing_excused() -> None:
    absences = looked((0, UP, "disks", True), (10, UP, "disks", True))
    assert (absences.excused_ms("h"), absences.well_ms) == (10, 10)
    absences.look([Seen("h", UP, "disks")], 20, 20)
    assert (absences.excused_ms("h"), absences.well_ms) == (0, 0)
    absences.look([Seen("h", UP, "")], 20, 50)
    assert absences.excused_ms("h") == 30


def test_a_host_returns_until_it_was_up_once() -> None:
    windows = [(0, UP, "", False), (1, DOWN, "disks", False), (2, DOWN, "", False), (3, HostState.STALE, "", False)]
    assert not looked(*windows[:2]).is_returning("h")
    assert looked(*windows).is_returning("h")
    assert looked(*windows).left_ms == {"h": 2}
    assert not looked(*windows, (4, UP, "", False), (5, DOWN, "", False)).is_returning("h")
    assert not looked((0, UP, "disks", False), (1, UP, "", False), (2, DOWN, "", False)).is_returning("h")
    assert not looked((0, UP, "", False), (1, DOWN, "", False)).is_returning("h"), "it was in no maintenance"


def test_who_is_down_at_the_first_look_may_return() -> None:
    assert looked((0, DOWN, "", False)).is_returning("h")
    assert not looked((0, DOWN, "", False), (1, UP, "", False), (2, DOWN, "", False)).is_returning("h")


def test_a_host_that_is_removed_is_forgotten() -> None:
    absences = looked((0, DOWN, "disks", False))
    absences.look([], 0, 1)
    absences.look([Seen("h", DOWN, "")], 0, 2)
    assert not absences.is_returning("h")
    assert absences.left_ms == {}
