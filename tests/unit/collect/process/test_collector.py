"""Columns of process over trees that a test grows and fells."""

from pathlib import Path

import pytest

from nagare.collect.collector import AbsentError
from nagare.collect.process.collector import ProcessCollector, choose_top
from nagare.collect.process.details import count_file_handles, user_name
from nagare.collect.process.scan import Seen
from nagare.collect.process.stat import ProcessStat
from tests.unit.collect.trees import at, root_at, rows_of

HEX = "0123456789abcdef" * 4


class Machine:
    """A tree of processes under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.root = root_at(folder)
        self.root.proc.mkdir(parents=True)
        (self.root.proc / "stat").write_text("btime 1000\n")
        (self.root.proc / "meminfo").write_text("MemTotal: 1000 kB\n")
        (self.root.proc / "meminfo.d").mkdir()

    def run(
        self, pid: int, name: str = "app", *, ticks: int = 0, pages: int = 1, start: int = 500, state: str = "S"
    ) -> Path:
        """Write one process's stat."""
        folder = self.root.proc / str(pid)
        folder.mkdir(exist_ok=True)
        fields = [state, 1, 1, 1, 0, -1, 0, 0, 0, 0, 0, ticks, 0, 0, 0, 20, 0, 4, 0, start, 9, pages, 0, 0]
        (folder / "stat").write_bytes(
            f"{pid} ({name}) ".encode("utf-8", "surrogateescape") + " ".join(map(str, fields)).encode()
        )
        return folder

    def end(self, pid: int) -> None:
        """Remove the process."""
        for path in sorted((self.root.proc / str(pid)).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (self.root.proc / str(pid)).rmdir()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "m")


def test_first_reading(machine: Machine) -> None:
    folder = machine.run(10, "Web (Content)", ticks=200, pages=5, start=1000)
    (folder / "cmdline").write_bytes(b"/usr/bin/firefox\0--profile\0/home/me\0")
    (folder / "cgroup").write_text(f"0::/system.slice/docker-{HEX}.scope\n")
    (folder / "fd").mkdir()
    collector = ProcessCollector(machine.root)
    row = rows_of(collector.collect(at(0)), "process")[0]
    collector.close()
    assert (row["rank"], row["pid"], row["name"], row["state"]) == (1, 10, "Web (Content)", "S")
    assert (row["cpu_ratio"], row["cpu_seconds_total"]) == (None, 2.0)
    assert row["memory_ratio"] == pytest.approx(row["memory_bytes"] / 1024000)
    assert (row["command"], row["container"]) == ("firefox --profile ***", HEX[:12])
    assert (row["unit"], row["threads"], row["started_at_seconds"]) == (f"docker-{HEX}.scope", 4, 1010.0)
    assert row["user"] == user_name(machine.root.proc.stat().st_uid)


def test_cpu_and_io_rates(machine: Machine) -> None:
    folder = machine.run(10, ticks=100)
    (folder / "io").write_text("rchar: 0\nread_bytes: 1000\nwrite_bytes: 0\n")
    collector = ProcessCollector(machine.root)
    collector.collect(at(0))
    machine.run(10, ticks=350)
    (folder / "io").write_text("rchar: 0\nread_bytes: 6000\nwrite_bytes: 500\n")
    row = rows_of(collector.collect(at(5)), "process")[0]
    assert (row["cpu_ratio"], row["read_bytes_per_second"], row["written_bytes_per_second"]) == (0.5, 1000.0, 100.0)
    row = rows_of(collector.collect(at(10)), "process")[0]
    collector.close()
    assert (row["cpu_ratio"], row["read_bytes_per_second"]) == (0.0, 0.0)


def test_reused_pid_begins_afresh(machine: Machine) -> None:
    machine.run(10, ticks=1000, start=500)
    collector = ProcessCollector(machine.root)
    collector.collect(at(0))
    machine.run(10, "other", ticks=5, start=900)
    row = rows_of(collector.collect(at(5)), "process")[0]
    collector.close()
    assert (row["name"], row["cpu_ratio"]) == ("other", None)


def test_exec_and_renaming_are_noticed_by_the_name(machine: Machine) -> None:
    folder = machine.run(10, "sh")
    (folder / "cmdline").write_bytes(b"sh\0")
    collector = ProcessCollector(machine.root)
    collector.collect(at(0))
    machine.run(10, "psql")
    (folder / "cmdline").write_bytes(b"psql\0--host=x\0")
    row = rows_of(collector.collect(at(5)), "process")[0]
    collector.close()
    assert row["command"] == "psql --host=***"


def test_zombies_kernel_threads_and_odd_names(machine: Machine) -> None:
    machine.run(2, "kthreadd", pages=0, ticks=10)
    machine.run(3, "dead", pages=0, state="Z")
    machine.run(4, "new\nline \udcff) x", pages=7)
    collector = ProcessCollector(machine.root)
    collector.collect(at(0))
    machine.run(2, "kthreadd", pages=0, ticks=60)
    rows = {row["pid"]: row for row in rows_of(collector.collect(at(5)), "process")}
    collector.close()
    assert rows[2]["command"] is None
    assert rows[2]["memory_bytes"] == 0
    assert 3 not in rows
    assert rows[4]["name"] == "new\nline \N{REPLACEMENT CHARACTER}) x"


def test_processes_that_vanish_in_mid_read(machine: Machine) -> None:
    machine.run(10)
    (machine.root.proc / "11").mkdir()
    (machine.root.proc / "12").mkdir()
    (machine.root.proc / "12" / "stat").write_text("torn")
    (machine.root.proc / "13").mkdir()
    (machine.root.proc / "13" / "stat").mkdir()
    collector = ProcessCollector(machine.root)
    assert [row["pid"] for row in rows_of(collector.collect(at(0)), "process")] == [10]
    machine.end(10)
    assert rows_of(collector.collect(at(5)), "process") == []
    collector.close()


def test_time_that_stands_still(machine: Machine) -> None:
    machine.run(10, ticks=1)
    collector = ProcessCollector(machine.root)
    collector.collect(at(0))
    machine.run(10, ticks=9)
    assert rows_of(collector.collect(at(0)), "process")[0]["cpu_ratio"] is None
    collector.close()


def test_details_are_refreshed_after_a_minute(machine: Machine) -> None:
    folder = machine.run(10)
    collector = ProcessCollector(machine.root, command_lines="full")
    (folder / "cmdline").write_bytes(b"one")
    collector.collect(at(0))
    (folder / "cmdline").write_bytes(b"two")
    commands = [rows_of(collector.collect(at(after)), "process")[0]["command"] for after in (30, 60)]
    collector.close()
    assert commands == ["one", "two"]


def test_machine_without_proc(tmp_path: Path) -> None:
    with pytest.raises(AbsentError):
        ProcessCollector(root_at(tmp_path)).collect(at(0))


def seen(pid: int, *, cpu: float | None = None, pages: int = 0, io: float = 0) -> Seen:
    process = Seen(str(pid), ProcessStat(b"p", b"S", 0, 1, 0, pages))
    process.cpu_ratio, process.read_rate = cpu, io
    return process


def test_top_stands_by_cpu_then_memory_then_io_each_once() -> None:
    processes = [
        seen(1, cpu=0.5, pages=10),
        seen(2, cpu=0.9),
        seen(3, pages=30),
        seen(4, pages=20, io=5),
        seen(5, io=9),
        seen(6),
    ]
    assert [process.pid for process in choose_top(processes, 2)] == ["2", "1", "3", "4", "5"]


def test_descriptors_are_counted_on_kernels_that_tell_no_size(tmp_path: Path) -> None:
    assert count_file_handles(str(tmp_path)) is None
    (tmp_path / "fd").mkdir()
    assert count_file_handles("/proc/self") is not None


def test_user_without_a_name() -> None:
    assert user_name(4_000_123) == "4000123"
    assert user_name(0) == "root"
