"""Columns of disk: arithmetic, vanished mounts, and network mounts that hang."""

import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from nagare.collect.collector import AbsentError, Root
from nagare.collect.disk.collector import MOUNT_LIMIT, DiskCollector
from nagare.collect.disk.space import space_columns
from tests.unit.collect.trees import at, captured, root_at, rows_of


class Answer(NamedTuple):
    """What a file system says of itself."""

    f_frsize: int = 4096
    f_blocks: int = 1000
    f_bfree: int = 400
    f_bavail: int = 300
    f_files: int = 100
    f_ffree: int = 25


def host(folder: Path, mounts: bytes) -> Root:
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/mountinfo").write_bytes(mounts)
    return root_at(folder)


def test_numbers_are_those_of_df(tmp_path: Path) -> None:
    collector = DiskCollector(host(tmp_path, b"1 0 8:1 / / ro,noatime - xfs /dev/sda1 rw\n"), ask=lambda _: Answer())
    row = rows_of(collector.collect(at(0)), "disk")[0]
    collector.close()
    assert row == {
        "mount": "/",
        "device": "/dev/sda1",
        "fstype": "xfs",
        "total_bytes": 4096000,
        "used_bytes": 600 * 4096,
        "free_bytes": 400 * 4096,
        "available_bytes": 300 * 4096,
        "used_ratio": 600 / 900,
        "inodes_total": 100,
        "inodes_used": 75,
        "inodes_used_ratio": 0.75,
        "read_only": True,
    }


@pytest.mark.parametrize(
    ("answer", "column", "expected"),
    [
        (Answer(f_files=0, f_ffree=0), "inodes_used_ratio", None),
        (Answer(f_files=0, f_ffree=0), "inodes_total", None),
        (Answer(f_blocks=2**62, f_bfree=2**62, f_bavail=2**62), "total_bytes", None),
        (Answer(f_blocks=0, f_bfree=0, f_bavail=0), "used_ratio", None),
        (Answer(f_bfree=2000), "used_bytes", None),
        (Answer(f_ffree=200), "inodes_used", 0),
    ],
)
def test_absurd_answers(answer: Answer, column: str, expected: int | None) -> None:
    assert space_columns(answer)[column] == expected


def test_vanished_and_empty_mounts_have_no_row(tmp_path: Path) -> None:
    def ask(point: bytes) -> Answer:
        if point == b"/gone":
            raise FileNotFoundError
        return Answer(f_blocks=0 if point == b"/empty" else 10)

    mounts = b"".join(
        b"1 0 8:%d / /%s rw - ext4 d%d rw\n" % (at_, name, at_) for at_, name in enumerate((b"gone", b"empty", b"ok"))
    )
    collector = DiskCollector(host(tmp_path, mounts), ask=ask)
    assert [row["mount"] for row in rows_of(collector.collect(at(0)), "disk")] == ["/ok"]
    collector.close()


def test_names_of_any_bytes_are_stored_as_text_and_asked_as_bytes(tmp_path: Path) -> None:
    asked: list[bytes] = []

    def ask(point: bytes) -> Answer:
        asked.append(point)
        return Answer()

    collector = DiskCollector(host(tmp_path, captured("mountinfo/weird.txt")), ask=ask)
    names = [row["mount"] for row in rows_of(collector.collect(at(0)), "disk")]
    collector.close()
    assert "/mnt/caf\N{REPLACEMENT CHARACTER}" in names
    assert b"/mnt/caf\xe9" in asked
    assert "/tank/my files\ttab\nline\\slash" in names


def test_hanging_network_mount_keeps_its_row_and_is_not_asked_again(tmp_path: Path) -> None:
    release, came, asked = threading.Event(), threading.Event(), []

    def ask(point: bytes) -> Answer:
        if point == b"/home":
            asked.append(point)
            release.wait()
            came.set()
        return Answer()

    mounts = b"1 0 8:1 / / rw - ext4 a rw\n2 1 0:9 / /home rw - nfs4 filer:/home rw\n"
    collector = DiskCollector(host(tmp_path, mounts), ask=ask, wait_seconds=0.05)
    for _ in range(3):
        rows = rows_of(collector.collect(at(0)), "disk")
        assert [(row["mount"], row["total_bytes"]) for row in rows] == [("/", 4096000), ("/home", None)]
    assert asked == [b"/home"]
    release.set()
    came.wait()
    patient = DiskCollector(host(tmp_path / "second", mounts), ask=ask, wait_seconds=30)
    assert rows_of(patient.collect(at(5)), "disk")[1]["total_bytes"] == 4096000
    collector.close()
    patient.close()


def test_network_fault_is_a_row_without_numbers(tmp_path: Path) -> None:
    def ask(_: bytes) -> Answer:
        raise OSError("stale file handle")

    collector = DiskCollector(host(tmp_path, b"1 0 0:9 / /home rw - nfs filer:/home rw\n"), ask=ask, wait_seconds=30)
    assert [row["total_bytes"] for row in rows_of(collector.collect(at(0)), "disk")] == [None]
    collector.close()


def test_mounts_are_bounded(tmp_path: Path) -> None:
    mounts = b"".join(b"1 0 8:%d / /m%d rw - ext4 /dev/s%d rw\n" % (n, n, n) for n in range(MOUNT_LIMIT + 50))
    collector = DiskCollector(host(tmp_path, mounts), ask=lambda _: Answer())
    assert len(rows_of(collector.collect(at(0)), "disk")) == MOUNT_LIMIT
    collector.close()


def test_changed_mounts_are_seen(tmp_path: Path) -> None:
    root = host(tmp_path, b"1 0 8:1 / / rw - ext4 a rw\n")
    collector = DiskCollector(root, ask=lambda _: Answer())
    assert len(rows_of(collector.collect(at(0)), "disk")) == 1
    (root.proc / "self/mountinfo").write_bytes(b"1 0 8:1 / / rw - ext4 a rw\n2 0 8:2 / /usb rw - vfat b rw\n")
    assert len(rows_of(collector.collect(at(5)), "disk")) == 2
    collector.close()


def test_machine_without_proc(tmp_path: Path) -> None:
    with pytest.raises(AbsentError):
        DiskCollector(root_at(tmp_path)).collect(at(0))
