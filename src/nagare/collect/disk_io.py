"""Columns of ``disk_io``: the work of each whole block device.

Partitions, loop and memory devices are left out: their work is counted where they stand. Device mapper and md stay,
since a person knows his volumes by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from nagare.collect.collector import AbsentError, Root, Tables, Tick
from nagare.collect.reading.files import HotFile, find_text
from nagare.collect.reading.rates import rise
from nagare.collect.reading.rows import Row, RowLimit, clean_text, columns_of

# The kernel counts sectors of this size whatever the device's own are.
_SECTOR_BYTES = 512
_SKIPPED = ("loop", "ram")
# Drives without a medium and network devices without a server: worth a row only once they did something.
_IDLE_SKIPPED = ("sr", "fd", "nbd", "zram")
_FIELDS = 17
_IN_FLIGHT = 8
_WILD = 2**31
# Sectors become bytes, which have to fit 63 bits.
_LARGEST = 2**54
DEVICE_LIMIT = 1000


class Counts(NamedTuple):
    """The counters of one device since boot, in the order of ``/proc/diskstats``; times in milliseconds."""

    reads: int
    reads_merged: int
    read_sectors: int
    read_ms: int
    writes: int
    writes_merged: int
    written_sectors: int
    write_ms: int
    in_flight: int
    busy_ms: int
    weighted_ms: int
    discards: int
    discards_merged: int
    discarded_sectors: int
    discard_ms: int
    flushes: int
    flush_ms: int


def parse_diskstats(text: bytes) -> Mapping[str, Counts]:
    """Return the counters by device name. Old kernels tell fewer fields; lines that do not parse are left out."""
    devices: dict[str, Counts] = {}
    for line in text.split(b"\n"):
        fields = line.split()
        if len(fields) < 14:
            continue
        try:
            numbers = [int(field) for field in fields[3 : 3 + _FIELDS]]
        except ValueError:
            continue
        # Drivers were seen to count requests in flight below zero, which reads as a huge number.
        numbers[_IN_FLIGHT] = min(numbers[_IN_FLIGHT], _WILD)
        if min(numbers) >= 0 and max(numbers) < _LARGEST:
            devices[clean_text(fields[2], 128)] = Counts(*numbers, *[0] * (_FIELDS - len(numbers)))
    return devices


@dataclass(slots=True)
class _Device:
    """A device as last seen; ``serial`` tells one disk from the next that takes its name."""

    is_watched: bool
    serial: str | None
    counts: Counts | None = None
    at: float = 0.0


class DiskIoCollector:
    """Reads the counters of block devices and turns them into rates."""

    name: ClassVar[str] = "disk_io"
    interval_seconds: ClassVar[float | None] = None
    is_slow: ClassVar[bool] = False

    def __init__(self, root: Root) -> None:
        """Read nothing yet."""
        self._root = root
        self._stats = HotFile(root.proc / "diskstats")
        self._devices: dict[str, _Device] = {}
        self._limit = RowLimit("disk_io", DEVICE_LIMIT)

    def collect(self, tick: Tick) -> Tables:
        """Return one row a device; rates are null at a device's first reading and after its counters began again."""
        try:
            found = parse_diskstats(self._stats.read())
        except OSError as error:
            raise AbsentError(f"cannot read {self._root.proc}/diskstats: {error.strerror}") from error
        known, self._devices = self._devices, {}
        rows: list[Row] = []
        for name, counts in found.items():
            device = self._devices[name] = known.get(name) or self._meet(name)
            is_idle = name.startswith(_IDLE_SKIPPED) and not counts.reads and not counts.writes
            if device.is_watched and not is_idle:
                rows.append(self._row(name, device, counts, tick.monotonic))
        return {"disk_io": columns_of(self._limit.cut(rows))}

    def close(self) -> None:
        """Give the descriptor back."""
        self._stats.close()

    def _meet(self, name: str) -> _Device:
        folder = self._folder(name)
        if name.startswith(_SKIPPED) or "\0" in name:
            return _Device(is_watched=False, serial=None)
        is_partition = find_text(f"{folder}/partition") is not None
        return _Device(is_watched=not is_partition, serial=find_text(f"{folder}/diskseq"))

    def _folder(self, name: str) -> str:
        return f"{self._root.sys}/class/block/{name.replace('/', '!')}"

    def _row(self, name: str, device: _Device, counts: Counts, now: float) -> Row:
        before, elapsed = device.counts, now - device.at
        if before is not None and _has_fallen(counts, before):
            serial = find_text(f"{self._folder(name)}/diskseq")
            if serial != device.serial:
                device.serial, before = serial, None
        device.counts, device.at = counts, now
        return {"device": name, **_totals(counts), **_rates(counts, before, elapsed)}


def _has_fallen(new: Counts, old: Counts) -> bool:
    return new.reads < old.reads or new.writes < old.writes or new.busy_ms < old.busy_ms


def _totals(counts: Counts) -> dict[str, int | None]:
    return {
        "reads_total": counts.reads,
        "writes_total": counts.writes,
        "read_bytes_total": counts.read_sectors * _SECTOR_BYTES,
        "written_bytes_total": counts.written_sectors * _SECTOR_BYTES,
        "in_flight": counts.in_flight if counts.in_flight < _WILD else None,
        "discards_total": counts.discards,
        "flushes_total": counts.flushes,
    }


def _rates(new: Counts, old: Counts | None, elapsed: float) -> dict[str, float | None]:
    if old is None or elapsed <= 0:
        return dict.fromkeys(_RATE_NAMES)
    rises = [rise(after, before) for after, before in zip(new, old, strict=True)]
    reads, _, read_sectors, read_ms, writes, _, written_sectors, write_ms, _, busy_ms, weighted_ms = rises[:11]
    busy = _over(busy_ms, elapsed * 1000)
    return {
        "reads_per_second": _over(reads, elapsed),
        "writes_per_second": _over(writes, elapsed),
        "read_bytes_per_second": _over(read_sectors, elapsed, _SECTOR_BYTES),
        "written_bytes_per_second": _over(written_sectors, elapsed, _SECTOR_BYTES),
        "read_await_seconds": _over(read_ms, (reads or 0) * 1000),
        "write_await_seconds": _over(write_ms, (writes or 0) * 1000),
        "utilization_ratio": None if busy is None else min(1.0, busy),
        "queue_length": _over(weighted_ms, elapsed * 1000),
    }


_RATE_NAMES = (
    "reads_per_second", "writes_per_second", "read_bytes_per_second", "written_bytes_per_second",
    "read_await_seconds", "write_await_seconds", "utilization_ratio", "queue_length",
)  # fmt: skip


def _over(amount: int | None, divisor: float, unit: int = 1) -> float | None:
    return None if amount is None or divisor <= 0 else amount * unit / divisor
