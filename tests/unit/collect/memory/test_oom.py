"""Kills for want of memory, as events."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.memory.oom import KernelLog, Victim, kill_event, parse_victims
from tests.unit.collect.trees import captured

VICTIM = Victim("4120", "my (odd) app", 8120311 * 1024)


def test_victims_of_the_kernel_log() -> None:
    found = parse_victims(captured("kmsg/oom.txt").split(b"\n"))
    assert found == [VICTIM, Victim("4121", "worker", 10240)]


def test_event_names_its_victim() -> None:
    event = kill_event("boot", 7, 1, [VICTIM])
    assert event["id"] == "kernel.oom_kill:boot:7"
    assert event["severity"] == 2
    assert event["text"] == "the kernel killed my (odd) app (pid 4120) for want of memory"
    assert event["attributes"] == {
        "count": "1",
        "total": "7",
        "pid": "4120",
        "process": "my (odd) app",
        "memory_bytes": str(8120311 * 1024),
    }


def test_event_without_victims() -> None:
    event = kill_event("boot", 9, 2, [])
    assert event["text"] == "the kernel killed 2 processes for want of memory"
    assert event["attributes"] == {"count": "2", "total": "9"}


def test_log_begins_at_its_end_and_gives_what_came_since(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    path.write_bytes(b"old: Out of memory: Killed process 1 (old)\n")
    log = KernelLog(path)
    assert log.read() == []
    with path.open("ab") as file:
        file.write(captured("kmsg/oom.txt"))
    assert parse_victims(log.read())[0] == VICTIM
    assert log.read() == []
    log.close()
    assert log.read() == []


def test_log_that_may_not_be_read(tmp_path: Path) -> None:
    log = KernelLog(tmp_path / "none")
    assert log.read() == []
    log.close()


def test_endless_log_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    path.touch()
    log = KernelLog(path)
    with path.open("wb") as file:
        file.write(b"line\n" * 100_000)
    assert len(log.read()) < 10_000
    log.close()
    assert not any(Path(f"/proc/self/fd/{fd}").resolve() == path for fd in os.listdir("/proc/self/fd"))


@given(st.lists(st.binary() | st.binary().map(lambda tail: b"Out of memory: Killed process 5 (" + tail)))
def test_any_records(records: list[bytes]) -> None:
    for victim in parse_victims(records):
        assert victim.pid.isdigit()
        victim.name.encode()
