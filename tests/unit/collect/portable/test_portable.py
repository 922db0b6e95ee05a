"""The set for other systems, on the real psutil: it works on Linux too."""

import time

import pytest

from nagare.collect.collector import Collector, Root, Tick
from nagare.collect.portable.source import PortableCollector, load_psutil
from nagare.collect.registry import PORTABLE_FACTORIES
from nagare.config.settings import AgentSettings
from tests.unit.collect.trees import rows_of


def now(monotonic: float) -> Tick:
    return Tick(time.time_ns() // 1_000_000, monotonic)


def built(name: str) -> Collector:
    return PORTABLE_FACTORIES[name](AgentSettings(command_lines="full"), Root())


@pytest.mark.parametrize("name", ["cpu", "load", "memory", "disk", "network", "process"])
def test_tables_are_whole(name: str) -> None:
    collector = built(name)
    assert isinstance(collector, PortableCollector)
    for seconds in (0.0, 5.0):
        rows = rows_of(collector.collect(now(seconds)), name)
        assert rows or name == "disk"
    collector.close()


def test_cores_sum_to_one() -> None:
    collector = built("cpu")
    first = rows_of(collector.collect(now(0)), "cpu")
    assert (first[0]["core"], first[0]["busy_ratio"]) == ("all", None)
    rows = rows_of(collector.collect(now(5)), "cpu")
    modes = [
        value
        for name, value in rows[0].items()
        if name.endswith("_ratio") and name not in ("busy_ratio", "pressure_some_ratio")
    ]
    assert sum(value for value in modes if value is not None) == pytest.approx(1) or rows[0]["busy_ratio"] is None


def test_rates_come_with_the_second_reading() -> None:
    collector = built("network")
    assert rows_of(collector.collect(now(0)), "network")[0]["received_bytes_per_second"] is None
    assert rows_of(collector.collect(now(5)), "network")[0]["received_bytes_per_second"] is not None


def test_processes_have_ranks_and_commands() -> None:
    collector = built("process")
    collector.collect(now(0))
    rows = rows_of(collector.collect(now(5)), "process")
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert any(row["command"] for row in rows)


def test_masked_and_off() -> None:
    for mode in ("masked", "off"):
        collector = PORTABLE_FACTORIES["process"](AgentSettings(command_lines=mode, process_top=3), Root())
        rows = rows_of(collector.collect(now(0)), "process")
        assert len(rows) <= 6
        assert mode == "masked" or {row["command"] for row in rows} == {None}


def test_load_is_that_of_psutil() -> None:
    row = rows_of(built("load").collect(now(0)), "load")[0]
    assert row["processes"] == pytest.approx(len(load_psutil().pids()), abs=20)
    assert row["uptime_seconds"] > 0
