"""The overview's rows are shared so that hosts come first, charts stay readable and processes get what is left."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.tui.screens.overview_room import share_above_charts, share_alone


def test_a_lone_host_leaves_room_for_processes() -> None:
    room = share_above_charts(1, 78, 37, 0)
    assert (room.grid, room.hosts, room.processes, room.total) == (0, 3, 12, 15)


def test_a_small_terminal_keeps_hosts_charts_and_events() -> None:
    room = share_above_charts(1, 80, 21, 5)
    assert (room.hosts, room.has_processes) == (3, False)


def test_many_hosts_take_the_room_down_to_the_charts() -> None:
    assert share_above_charts(300, 78, 37, 0).total == 37 - 18
    alone = share_alone(300, 84, 57)
    assert alone.total is None
    assert alone.has_processes
    assert alone.hosts is not None


def test_where_lists_stand_alone_processes_take_the_rest() -> None:
    room = share_alone(1, 84, 57)
    assert (room.grid, room.hosts, room.processes, room.total) == (0, 3, None, None)
    assert not share_alone(14, 40, 16).has_processes


@given(st.integers(0, 2000), st.integers(1, 400), st.integers(1, 200), st.sampled_from([0, 5, 10]))
def test_no_share_is_negative_and_charts_keep_theirs(count: int, width: int, height: int, events: int) -> None:
    room = share_above_charts(count, width, height, events)
    assert room.hosts is not None
    assert room.hosts >= 3
    assert room.total is not None
    kept = 9 if events else 18
    assert room.total <= max(height - events - kept, room.hosts + (room.grid + 1 if room.grid else 0))
    alone = share_alone(count, width, height)
    assert alone.hosts is None or alone.hosts >= 3
