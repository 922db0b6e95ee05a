"""Columns of container: every runtime's cgroups."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect import container
from nagare.collect.collector import AbsentError
from nagare.collect.container import ContainerCollector, find_containers, parse_io_stat
from tests.unit.collect.trees import at, captured_host, copied_host, rows_of

HEX = "0123456789abcdef" * 4


def test_every_runtime_is_seen_and_nothing_else() -> None:
    collector = ContainerCollector(captured_host("node"))
    rows = rows_of(collector.collect(at(0)), "container")
    collector.close()
    assert sorted(row["runtime"] for row in rows) == [
        "containerd", "cri-o", "docker", "docker", "docker", "kubepods", "lxc", "podman", "systemd-nspawn",
    ]  # fmt: skip
    assert {row["name"] for row in rows} >= {"web01", "build-box", HEX[:12]}


def test_values_and_rates(tmp_path: Path) -> None:
    root = copied_host("node", tmp_path)
    folder = root.sys / f"fs/cgroup/system.slice/docker-{HEX}.scope"
    collector = ContainerCollector(root)
    first = next(row for row in rows_of(collector.collect(at(0)), "container") if row["id"] == HEX[:12])
    assert (first["cpu_limit_cores"], first["memory_limit_bytes"], first["memory_bytes"]) == (
        1.5,
        536870912,
        400_000_000,
    )
    assert (first["memory_working_bytes"], first["processes"], first["processes_limit"]) == (300_000_000, 7, 512)
    assert (first["oom_kills_total"], first["pressure_memory_some_ratio"]) == (1, 0.02)
    assert (first["cpu_ratio"], first["cpu_seconds_total"]) == (None, 5.0)
    (folder / "cpu.stat").write_text("usage_usec 10000000\nthrottled_usec 1250000\n")
    (folder / "io.stat").write_text("8:0 rbytes=10096 wbytes=8192\n")
    (folder / "memory.max").write_text("max\n")
    second = next(row for row in rows_of(collector.collect(at(5)), "container") if row["id"] == HEX[:12])
    collector.close()
    assert (second["cpu_ratio"], second["throttled_ratio"]) == (1.0, 0.2)
    assert (second["read_bytes_per_second"], second["written_bytes_per_second"]) == (1000.0, 0.0)
    assert second["memory_limit_bytes"] is None


def test_container_that_stops_between_two_readings(tmp_path: Path) -> None:
    root = copied_host("node", tmp_path)
    folder = root.sys / "fs/cgroup/lxc.payload.web01"
    collector = ContainerCollector(root)
    assert len(rows_of(collector.collect(at(0)), "container")) == 9
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    collector.close()
    assert len(rows_of(collector.collect(at(5)), "container")) == 8
    assert len(rows_of(collector.collect(at(20)), "container")) == 8
    collector.close()


def test_new_container_shows_when_the_tree_is_walked_again(tmp_path: Path) -> None:
    root = copied_host("node", tmp_path)
    collector = ContainerCollector(root)
    collector.collect(at(0))
    new = root.sys / "fs/cgroup/lxc.payload.new"
    new.mkdir()
    (new / "cpu.stat").write_text("usage_usec 1\n")
    assert len(rows_of(collector.collect(at(5)), "container")) == 9
    rows = rows_of(collector.collect(at(16)), "container")
    collector.close()
    row = next(row for row in rows if row["name"] == "new")
    assert (row["memory_bytes"], row["processes"], row["cpu_limit_cores"]) == (None, None, None)


def test_too_many_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "CONTAINER_LIMIT", 4)
    collector = ContainerCollector(captured_host("node"))
    assert len(rows_of(collector.collect(at(0)), "container")) == 4
    collector.close()


def test_depth_is_bounded(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["x"] * 30, "lxc.payload.deep")
    deep.mkdir(parents=True)
    assert find_containers(tmp_path) == {}


def test_version_one_is_absent() -> None:
    with pytest.raises(AbsentError, match="cgroup v2"):
        ContainerCollector(captured_host("v1")).collect(at(0))


@given(st.binary() | st.lists(st.sampled_from([b"8:0 ", b"rbytes=", b"5 ", b"wbytes=x", b"\n"])).map(b"".join))
def test_any_bytes(text: bytes) -> None:
    assert min(parse_io_stat(text)) >= 0
