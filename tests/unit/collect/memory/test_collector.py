"""Columns of memory, and events."""

from pathlib import Path

import pytest

from nagare.collect.collector import AbsentError
from nagare.collect.memory.collector import MemoryCollector
from tests.unit.collect.trees import at, captured, captured_host, copied_host, root_at, rows_of


def test_swap_rates_need_two_readings(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    collector = MemoryCollector(root, kernel_log=tmp_path / "none", page_bytes=4096)
    first = rows_of(collector.collect(at(0)), "memory")[0]
    assert first["swap_in_bytes_per_second"] is None
    (root.proc / "vmstat").write_text("pswpin 3130\npswpout 12011\npgmajfault 4121\noom_kill 0\n")
    second = rows_of(collector.collect(at(5)), "memory")[0]
    collector.close()
    assert (second["swap_in_bytes_per_second"], second["swap_out_bytes_per_second"]) == (8192.0, 0.0)
    assert second["page_faults_major_total"] == 4121
    assert (second["limit_bytes"], second["cgroup_used_bytes"]) == (134217728, 41943040)


def test_pressure() -> None:
    collector = MemoryCollector(captured_host("metal"), kernel_log=Path("/nonexistent"))
    row = rows_of(collector.collect(at(0)), "memory")[0]
    collector.close()
    assert (row["pressure_some_ratio"], row["pressure_full_ratio"]) == (0.0125, 0.0075)
    assert row["limit_bytes"] is None


def test_kill_is_told_once_with_its_victim(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    kernel_log = tmp_path / "kmsg"
    kernel_log.touch()
    collector = MemoryCollector(root, kernel_log=kernel_log)
    assert "events" not in collector.collect(at(0))
    kernel_log.write_bytes(captured("kmsg/oom.txt"))
    (root.proc / "vmstat").write_text("oom_kill 2\n")
    events = rows_of(collector.collect(at(5)), "events")
    assert [event["id"] for event in events] == ["kernel.oom_kill:b0071d00-1234-4abc-8def-000000000001:2"]
    assert events[0]["attributes"]["pid"] == "4120,4121"
    assert "events" not in collector.collect(at(10))
    collector.close()


def test_kills_before_the_agent_began_are_not_told(tmp_path: Path) -> None:
    collector = MemoryCollector(captured_host("metal"), kernel_log=tmp_path / "none")
    assert "events" not in collector.collect(at(0))
    assert "events" not in collector.collect(at(5))
    collector.close()


def test_old_kernel_and_no_kernel(tmp_path: Path) -> None:
    collector = MemoryCollector(captured_host("old"), kernel_log=tmp_path / "none")
    row = rows_of(collector.collect(at(0)), "memory")[0]
    collector.close()
    assert (row["oom_kills_total"], row["pressure_some_ratio"]) == (None, None)
    with pytest.raises(AbsentError):
        MemoryCollector(root_at(tmp_path)).collect(at(0))
