"""The clock of each core."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.cpu.frequency import parse_cpuinfo, read_frequencies
from tests.unit.collect.trees import captured_host


def test_cpufreq_wins() -> None:
    found = read_frequencies(captured_host("metal"), ["0", "7"])
    assert found == {"0": 2.4e9, "7": 2.407e9}


def test_cpuinfo_stands_in() -> None:
    assert read_frequencies(captured_host("vm"), ["0", "1"]) == pytest.approx({"0": 2.199998e9, "1": 2.200002e9})


def test_neither_tells() -> None:
    assert read_frequencies(captured_host("old"), ["0"]) == {}


@given(
    st.binary() | st.lists(st.sampled_from([b"processor : 1\n", b"cpu MHz : nan\n", b"cpu MHz : 5\n"])).map(b"".join)
)
def test_any_bytes(text: bytes) -> None:
    assert all(0 < hertz < 1e12 for hertz in parse_cpuinfo(text).values())
