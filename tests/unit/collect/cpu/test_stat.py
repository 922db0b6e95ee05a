"""Core times and the ratios between two of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.cpu.stat import CoreTimes, mode_ratios, parse_stat
from tests.unit.collect.trees import captured

TICKS = st.integers(0, 2**40)
TIMES = st.builds(CoreTimes, *[TICKS] * 9)


def test_guest_time_is_taken_out_of_user_and_nice() -> None:
    stat = parse_stat(b"cpu0 100 50 10 1000 5 1 2 3 40 20\n")
    assert stat.cores["0"] == CoreTimes(60, 30, 10, 1000, 5, 1, 2, 3, 60)


def test_captured_machine() -> None:
    stat = parse_stat(captured("hosts/vm/proc/stat"))
    assert list(stat.cores) == ["all", "0", "1"]
    assert stat.cores["all"].steal == 48210
    assert (stat.context_switches, stat.interrupts, stat.boot_time) == (18420511, 9120431, 1759990000)
    assert (stat.running, stat.blocked) == (2, 1)


def test_old_kernel_tells_fewer_fields() -> None:
    stat = parse_stat(captured("hosts/old/proc/stat"))
    assert stat.cores["0"] == CoreTimes(100, 0, 50, 1000, 5, 1, 2, 0, 0)
    assert stat.running is None


@pytest.mark.parametrize(
    "line",
    [b"cpu", b"cpu0 1 2", b"cpu0 1 2 3 x", b"cpux 1 2 3 4", b"cpu0 -1 2 3 4", b"cpu\xff 1 2 3 4", b"intr", b"ctxt x"],
)
def test_damaged_lines_are_left_out(line: bytes) -> None:
    stat = parse_stat(b"cpu1 1 2 3 4\n" + line + b"\n")
    assert list(stat.cores) == ["1"]
    assert stat.context_switches is None


def test_iowait_that_goes_back_counts_as_zero() -> None:
    old = CoreTimes(0, 0, 0, 100, 50, 0, 0, 0, 0)
    new = CoreTimes(50, 0, 0, 150, 40, 0, 0, 0, 0)
    ratios = mode_ratios(new, old)
    assert ratios is not None
    assert ratios[:5] == [0.5, 0, 0, 0.5, 0]


def test_no_interval_no_ratios() -> None:
    times = CoreTimes(*range(9))
    assert mode_ratios(times, None) is None
    assert mode_ratios(times, times) is None


@given(TIMES, TIMES)
def test_ratios_sum_to_one(new: CoreTimes, old: CoreTimes) -> None:
    ratios = mode_ratios(new, old)
    assert ratios is None or (sum(ratios) == pytest.approx(1) and min(ratios) >= 0)


@given(
    st.binary()
    | st.lists(st.sampled_from([b"cpu", b"cpu0", b" 5", b" -1", b" x", b"\n", b"ctxt", b"intr"])).map(b"".join)
)
def test_any_bytes(text: bytes) -> None:
    for times in parse_stat(text).cores.values():
        assert min(times) >= 0
