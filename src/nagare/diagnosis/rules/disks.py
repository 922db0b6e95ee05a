"""Disks: no room, soon no room, slow ones, failing ones, and those that may only be read."""

from __future__ import annotations

from collections.abc import Iterator

from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.evidence.space import FULL_RATIO
from nagare.diagnosis.rules.facts import Facts, Suspicion, began, weighed
from nagare.lib.units import format_seconds
from nagare.model.diagnosis.finding import ProposedAction
from nagare.model.event import Severity

_WRITES_BYTES = 2.0**20
_VERY_SLOW_SECONDS = 0.5
_URGENT_SECONDS = 3600.0


def full(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect file systems without room, or that will soon have none."""
    for space in sorted(facts.bad(host, "space"), key=lambda one: -one.value("used_ratio")):
        mount = space.keys.get("mount", "")
        is_full = space.value("used_ratio") >= FULL_RATIO
        level = [one for one in facts.of(host, "disk_used") if one.keys.get("mount") == mount]
        writers = _writers(facts, host)
        is_urgent = is_full or space.value("full_in_seconds") < _URGENT_SECONDS
        soon = format_seconds(space.value("full_in_seconds"))
        yield Suspicion(
            "disk.full" if is_full else "disk.filling",
            f"file system {mount} is full" if is_full else f"file system {mount} will be full in {soon}",
            host,
            weighed(0.9 if is_full else 0.7, [one for one in level if one.is_bad] + writers[:1], ()),
            Severity.HIGH if is_urgent else Severity.WARNING,
            [space, *level, *writers],
            about=f"file system {mount}",
            next_check=f"see what takes the room below {mount}, and what wrote it since",
            proposal=ProposedAction("disk.largest", {"path": mount}, host) if mount.startswith("/") else None,
            began_ms=began(level),
            rule="DiskFull" if is_full else "DiskFillsSoon",
        )


def inodes(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect file systems that can hold no further files."""
    for one in facts.bad(host, "inodes_used"):
        mount = one.keys.get("mount", "")
        yield Suspicion(
            "disk.inodes", f"file system {mount} has hardly any inodes left", host, weighed(0.9, (), ()), Severity.HIGH,
            [one], (), f"file system {mount}", f"find the folder below {mount} with the most files", None, one.began_ms,
            "InodesLow",
        )  # fmt: skip


def read_only(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect file systems that can no longer be written to."""
    for one in facts.bad(host, "read_only"):
        mount = one.keys.get("mount", "")
        yield Suspicion(
            "disk.read_only", f"file system {mount} became read-only", host, weighed(0.9, (), ()), Severity.HIGH,
            [one, *facts.bad(host, "drives")], (), f"file system {mount}",
            "see in the kernel's log what it found wrong: mostly an error of the drive", None, one.began_ms,
        )  # fmt: skip


def slow(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect drives whose requests take long."""
    for wait in sorted(facts.bad(host, "disk_wait"), key=lambda one: -one.value("recent"))[:3]:
        device = wait.keys.get("device", "")
        busy = [one for one in facts.of(host, "disk_busy") if one.keys.get("device") == device]
        backing = [*(one for one in busy if one.is_bad), *facts.bad(host, "cpu_iowait", "blocked", "drives")]
        doubts = facts.fine(host, "cpu_iowait")
        writers = _writers(facts, host)
        yield Suspicion(
            "disk.slow",
            f"requests to disk {device} take long",
            host,
            weighed(0.7, backing, doubts if not backing else ()),
            Severity.HIGH if wait.value("recent") >= _VERY_SLOW_SECONDS else Severity.WARNING,
            [wait, *backing, *writers[:2]],
            doubts,
            f"disk {device}",
            f"see whether {device} has much to do or is slow at little: its queue, its drive's health, its controller",
            ProposedAction("disk.usage", {}, host),
            began([wait]),
            "DiskSaturated",
        )


def failing(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect drives that say that they fail, or wear out."""
    for drive in facts.bad(host, "drives"):
        device = drive.keys.get("device", "")
        is_failing = drive.value("failing") > 0
        yield Suspicion(
            "drive.failing" if is_failing else "drive.wearing",
            f"drive {device} says that it fails" if is_failing else f"drive {device} has bad places or is worn out",
            host,
            weighed(0.9, (), ()),
            Severity.CRITICAL if is_failing else Severity.HIGH,
            [drive],
            about=f"drive {device}",
            next_check=f"read the whole report of {device}, see that backups are good, and order another one",
            rule="DriveFailing" if is_failing else "DriveWearsOut",
        )


def _writers(facts: Facts, host: str) -> list[Seen]:
    ranked = sorted(facts.of(host, "processes"), key=lambda one: -one.value("io_bytes_per_second"))
    return [one for one in ranked if one.value("io_bytes_per_second") >= _WRITES_BYTES][:2]
