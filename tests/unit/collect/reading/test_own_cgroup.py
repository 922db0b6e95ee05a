"""The limits that bind the agent itself."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.reading.own_cgroup import (
    CgroupFile,
    Limits,
    find_field,
    find_own_groups,
    parse_cpu_max,
    read_limits,
)
from tests.unit.collect.trees import captured_host, copied_host, root_at


def test_innermost_group_comes_first() -> None:
    groups = find_own_groups(captured_host("vm"))
    assert [group.name for group in groups] == ["nagare-agent.service", "system.slice", "cgroup"]
    assert read_limits(groups) == Limits(0.2, 134217728)


def test_least_limit_of_an_ancestor_binds(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    slice_ = root.sys / "fs/cgroup/system.slice"
    (slice_ / "memory.max").write_text("1000\n")
    (slice_ / "cpu.max").write_text("10000 100000\n")
    assert read_limits(find_own_groups(root)) == Limits(0.1, 1000)


@pytest.mark.parametrize("host", ["v1", "old"])
def test_without_cgroup_v2_there_is_no_group(host: str) -> None:
    assert find_own_groups(captured_host(host)) == []
    assert read_limits([]) == Limits(None, None)


@pytest.mark.parametrize("line", ["0::/../../x", "0::/" + "a/" * 40, "0::/a\0b", "", "1:name=systemd:/x"])
def test_damaged_path_stays_below_the_mount(tmp_path: Path, line: str) -> None:
    root = root_at(tmp_path)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cgroup.controllers").touch()
    (tmp_path / "proc/self/cgroup").write_text(line)
    assert all(group.is_relative_to(root.sys / "fs" / "cgroup") for group in find_own_groups(root))


@pytest.mark.parametrize(
    ("text", "cores"),
    [(b"150000 100000\n", 1.5), (b"max 100000\n", None), (b"", None), (None, None), (b"5\n", None), (b"1 0\n", None)],
)
def test_cpu_max(text: bytes | None, cores: float | None) -> None:
    assert parse_cpu_max(text) == cores


def test_file_of_the_innermost_group_that_has_it() -> None:
    groups = find_own_groups(captured_host("vm"))
    file = CgroupFile(groups, "memory.current")
    assert file.find() == b"41943040\n"
    file.close()
    assert CgroupFile(groups, "memory.swap.max").find() is None


@given(st.binary())
def test_any_bytes(text: bytes) -> None:
    cores = parse_cpu_max(text)
    assert cores is None or cores > 0
    assert find_field(text, b"usage_usec") is None or b"usage_usec" in text
