"""Columns of cpu on captured machines."""

from pathlib import Path

import pytest

from nagare.collect.collector import AbsentError
from nagare.collect.cpu.collector import CpuCollector
from tests.unit.collect.trees import at, captured_host, copied_host, root_at, rows_of


def test_first_reading_has_totals_but_no_ratios() -> None:
    collector = CpuCollector(captured_host("vm"), ticks_per_second=100)
    rows = rows_of(collector.collect(at(0)), "cpu")
    collector.close()
    whole = rows[0]
    assert [row["core"] for row in rows] == ["all", "0", "1"]
    assert whole["user_ratio"] is None
    assert whole["seconds_total"] == pytest.approx((84021 + 1204 + 30122 + 1522 + 48210) / 100)
    assert whole["frequency_hertz"] == pytest.approx(2.2e9)
    assert (whole["limit_cores"], whole["throttled_seconds_total"]) == (0.2, 0.031)
    assert whole["pressure_some_ratio"] is None
    assert rows[1]["context_switches_total"] is None


def test_second_reading_has_ratios_and_steal(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    collector = CpuCollector(root, ticks_per_second=100)
    collector.collect(at(0))
    stat = (
        (root.proc / "stat")
        .read_text()
        .replace("cpu0 42010 604 15100 3850010 4560 0 1400 24105", "cpu0 42060 604 15100 3850410 4560 0 1400 24155")
    )
    (root.proc / "stat").write_text(stat)
    rows = rows_of(collector.collect(at(5)), "cpu")
    collector.close()
    core = rows[1]
    assert (core["user_ratio"], core["idle_ratio"], core["steal_ratio"]) == (0.1, 0.8, 0.1)
    assert core["busy_ratio"] == pytest.approx(0.2)
    assert rows[2]["user_ratio"] is None


def test_pressure_frequency_and_guests_of_metal() -> None:
    collector = CpuCollector(captured_host("metal"), ticks_per_second=100)
    whole = rows_of(collector.collect(at(0)), "cpu")[0]
    collector.close()
    assert whole["pressure_some_ratio"] == 0.125
    assert whole["frequency_hertz"] == pytest.approx(2.4035e9)
    assert whole["limit_cores"] is None


def test_core_that_comes_and_one_that_goes(tmp_path: Path) -> None:
    root = copied_host("old", tmp_path)
    collector = CpuCollector(root)
    collector.collect(at(0))
    (root.proc / "stat").write_text("cpu  200 0 100 2000 5 1 2\ncpu3 1 0 1 10\n")
    rows = rows_of(collector.collect(at(5)), "cpu")
    collector.close()
    assert [row["core"] for row in rows] == ["all", "3"]
    assert rows[0]["user_ratio"] is not None
    assert rows[1]["user_ratio"] is None


def test_counters_that_go_back(tmp_path: Path) -> None:
    root = copied_host("old", tmp_path)
    collector = CpuCollector(root)
    collector.collect(at(0))
    (root.proc / "stat").write_text("cpu  90 0 40 1100 5 1 2\n")
    row = rows_of(collector.collect(at(5)), "cpu")[0]
    collector.close()
    assert (row["idle_ratio"], row["user_ratio"]) == (1.0, 0.0)


def test_machine_without_proc(tmp_path: Path) -> None:
    with pytest.raises(AbsentError):
        CpuCollector(root_at(tmp_path)).collect(at(0))
