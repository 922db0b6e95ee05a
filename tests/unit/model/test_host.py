import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.model.host import HostState, host_state

ORDER = [HostState.UP, HostState.STALE, HostState.DOWN]


@pytest.mark.parametrize(
    ("silence", "interval", "state"),
    [
        (None, 5, HostState.UNKNOWN),
        (0, 5, HostState.UP),
        (15, 5, HostState.UP),
        (15.1, 5, HostState.STALE),
        (60, 5, HostState.STALE),
        (60.1, 5, HostState.DOWN),
        (60.1, 60, HostState.UP),
        (-1, 5, HostState.UP),  # a clock that was set back
    ],
)
def test_silence_makes_a_host_late_and_then_down(silence: float | None, interval: float, state: HostState) -> None:
    assert host_state(silence, interval) is state


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.2, 3600))
def test_longer_silence_never_looks_better(one: float, other: float, interval: float) -> None:
    shorter, longer = sorted((one, other))
    assert ORDER.index(host_state(shorter, interval)) <= ORDER.index(host_state(longer, interval))
