"""Columns of load."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.collector import AbsentError
from nagare.collect.load import Averages, LoadCollector, count_sessions, parse_file_handles, parse_loadavg, parse_uptime
from nagare.collect.reading.kernel_clock import UNKNOWN, ClockState, clock_state, read_clock
from tests.unit.collect.trees import at, captured_host, copied_host, root_at, rows_of


def test_captured_machine(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    for name in ("1", "77", "self", "sys2"):
        (root.proc / name).mkdir(exist_ok=True)
    collector = LoadCollector(root, clock=lambda: ClockState(is_synchronized=True, offset_seconds=0.001))
    row = rows_of(collector.collect(at(0)), "load")[0]
    collector.close()
    assert (row["load1"], row["load5"], row["load15"]) == (0.42, 0.36, 0.30)
    assert (row["cores"], row["processes"], row["threads"]) == (2, 2, 187)
    assert (row["running"], row["blocked"], row["uptime_seconds"]) == (2, 1, 39482.11)
    assert (row["file_handles"], row["file_handles_limit"]) == (1952, 2**63 - 1)
    assert (row["clock_synchronized"], row["clock_offset_seconds"]) == (True, 0.001)
    assert row["users"] is None


def test_old_kernel_leaves_gaps() -> None:
    collector = LoadCollector(captured_host("old"))
    row = rows_of(collector.collect(at(0)), "load")[0]
    collector.close()
    assert (row["blocked"], row["file_handles"], row["clock_synchronized"]) == (None, None, None)
    assert row["running"] == 1


def test_machine_without_proc(tmp_path: Path) -> None:
    with pytest.raises(AbsentError):
        LoadCollector(root_at(tmp_path)).collect(at(0))


def test_sessions_of_utmp(tmp_path: Path) -> None:
    records = [struct.pack("<h382x", kind) for kind in (2, 7, 8, 7, 6)]
    (tmp_path / "utmp").write_bytes(b"".join(records) + b"torn")
    assert count_sessions(tmp_path) == 2


def test_sessions_of_logind(tmp_path: Path) -> None:
    assert count_sessions(tmp_path) is None
    (tmp_path / "systemd/sessions").mkdir(parents=True)
    for name in ("1", "2.ref", "c3"):
        (tmp_path / "systemd/sessions" / name).touch()
    assert count_sessions(tmp_path) == 2


def test_clock_states() -> None:
    assert clock_state(0x40, 5) == ClockState(is_synchronized=False, offset_seconds=None)
    assert clock_state(0x01, 2500) == ClockState(is_synchronized=True, offset_seconds=0.0025)
    assert clock_state(0x2001, 2500) == ClockState(is_synchronized=True, offset_seconds=2.5e-6)
    assert read_clock() == UNKNOWN or read_clock().is_synchronized in (True, False)


@given(st.binary())
def test_any_bytes(text: bytes) -> None:
    assert isinstance(parse_loadavg(text), Averages)
    parse_uptime(text)
    parse_file_handles(text)
