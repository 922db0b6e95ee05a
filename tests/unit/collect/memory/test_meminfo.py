"""Memory fields, and the few counters of vmstat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.memory.meminfo import find_counters, memory_columns, parse_meminfo
from tests.unit.collect.trees import captured


def test_captured_machine() -> None:
    columns = memory_columns(parse_meminfo(captured("hosts/vm/proc/meminfo")))
    assert columns["total_bytes"] == 4015876 * 1024
    assert columns["used_bytes"] == (4015876 - 2904112) * 1024
    assert columns["used_ratio"] == pytest.approx(1 - 2904112 / 4015876)
    assert columns["swap_used_ratio"] == pytest.approx(1 - 1572861 / 2097148)
    assert columns["hugepages_bytes"] == 0


def test_without_swap_there_is_no_swap_ratio() -> None:
    columns = memory_columns(parse_meminfo(captured("hosts/metal/proc/meminfo")))
    assert (columns["swap_total_bytes"], columns["swap_used_bytes"], columns["swap_used_ratio"]) == (0, 0, None)
    assert columns["hugepages_bytes"] == 2 * 2**30


def test_old_kernel_without_available() -> None:
    columns = memory_columns(parse_meminfo(captured("hosts/old/proc/meminfo")))
    assert columns["available_bytes"] == 600000 * 1024


def test_nothing_known() -> None:
    assert set(memory_columns({}).values()) == {None}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"pswpin 5\npswpout 6\n", {b"pswpin": 5, b"pswpout": 6}),
        (b"xpswpin 5\npswpout 7", {b"pswpout": 7}),
        (b"pswpin\npswpout x\n", {}),
        (b"", {}),
    ],
)
def test_counters(text: bytes, found: dict[bytes, int]) -> None:
    assert find_counters(text, (b"pswpin", b"pswpout")) == found


@given(
    st.binary() | st.lists(st.sampled_from([b"MemTotal:", b" 5 kB", b"\n", b" x", b"pswpin ", b"9" * 30])).map(b"".join)
)
def test_any_bytes(text: bytes) -> None:
    fields = parse_meminfo(text)
    assert all(0 <= value < 2**70 for value in fields.values())
    memory_columns(fields)
    find_counters(text, (b"pswpin", b""))
