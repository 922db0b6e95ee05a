"""A machine of files: its /proc as a kernel writes it, tick by tick, and the tables that our own collectors read there.

What a fault does, it does to the files: the collectors are those of an agent, and nothing here knows what looks for it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nagare.collect.collector import Collector, Root, Tables, Tick
from nagare.collect.cpu.collector import CpuCollector
from nagare.collect.disk.collector import DiskCollector
from nagare.collect.disk_io import DiskIoCollector
from nagare.collect.load import LoadCollector
from nagare.collect.memory.collector import MemoryCollector
from nagare.collect.network.collector import NetworkCollector
from nagare.collect.process.collector import ProcessCollector
from nagare.collect.unit.collector import UnitCollector

CORES, HERTZ, PAGE = 4, 100, 4096
TOTAL_KB, SWAP_KB = 16 * 2**20, 4 * 2**20
# Ticks between two questions to systemd, which an agent asks seldom.
_UNIT_TICKS = 2
_SYSTEMCTL = """#!/bin/sh
cat "${0%/*}/$1"
"""


@dataclass
class Program:
    """One process: cores that it uses, pages that it holds, bytes a second that it writes."""

    pid: int
    name: str
    cores: float
    pages: int
    written_per_second: float = 0.0
    started_ticks: int = 1000
    ticks: float = 0.0
    written: float = 0.0


@dataclass
class Space:
    """A file system: what ``os.statvfs`` answers, in blocks of a page."""

    f_blocks: int = 20_000_000
    f_bfree: int = 12_000_000
    f_files: int = 5_000_000
    f_ffree: int = 4_500_000
    f_frsize: int = PAGE

    @property
    def f_bavail(self) -> int:
        """Blocks free for everybody."""
        return self.f_bfree


@dataclass
class Machine:
    """The machine; what a fault changes are plain fields. ``seed`` makes the noise."""

    folder: Path
    seed: int
    step_seconds: float = 15.0
    wall_ms: int = 1_760_000_000_000
    up_seconds: float = 900_000.0
    write_seconds: float = 0.002
    writes_per_second: float = 40.0
    errors_per_second: float = 0.0
    drops_per_second: float = 0.0
    clock_step_seconds: float = 0.0
    bytes_per_second: float = 4e6
    threads: int = 240
    open_files: int = 4_000
    swapped_pages_per_second: float = 0.0
    memory_wait: float = 0.0
    # Kilobytes that no process holds: the page cache and the kernel give back what they can, and this not.
    taken_kb: int = 2 * 2**20
    space: Space = field(default_factory=Space)
    # Units of systemd and their state; without any there is no systemd.
    units: dict[str, str] = field(default_factory=dict)
    programs: dict[int, Program] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._monotonic = 100.0
        self._busy, self._iowait, self._idle = 8_000_000.0, 90_000.0, 300_000_000.0
        self._writes, self._write_ms, self._io_ms = 500_000.0, 900_000.0, 800_000.0
        self._packets, self._bytes, self._errors, self._drops = 10_000_000.0, 8e9, 0.0, 0.0
        self._swapped, self._ticks = 0.0, 0
        for place, name in enumerate(("nginx", "postgres", "rsyslogd", "cron", "sshd", "redis-server")):
            self.programs[100 + place] = Program(
                100 + place, name, 0.03 + 0.02 * place, 8_000 + 9_000 * place, 20_000.0
            )
        for place in range(12):
            self.programs[300 + place] = Program(300 + place, f"worker{place}", 0.01, 2_000 + 100 * place)
        root = Root(
            proc=self.folder / "proc", sys=self.folder / "sys", etc=self.folder / "etc", run=self.folder / "run"
        )
        self._furnish()
        self.collectors: Sequence[Collector] = (
            CpuCollector(root), LoadCollector(root), MemoryCollector(root), DiskIoCollector(root),
            DiskCollector(root, ask=lambda _: self.space), NetworkCollector(root), ProcessCollector(root),
        )  # fmt: skip
        self._unit_collector = UnitCollector(root, places=str(self.folder / "bin"))

    def _furnish(self) -> None:
        """Make what a kernel and an installation have once and for all."""
        for name in (
            "proc/net", "proc/pressure", "proc/self", "proc/sys/fs", "sys/class/net/eth0/device", "sys/block/sda", "bin",
            "run/systemd/system",
        ):  # fmt: skip
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in (("type", "1"), ("operstate", "up"), ("speed", "1000"), ("duplex", "full")):
            (self.folder / "sys/class/net/eth0" / name).write_text(f"{text}\n")
        (self.folder / "proc/self/mountinfo").write_text("29 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n")
        systemctl = self.folder / "bin/systemctl"
        systemctl.write_text(_SYSTEMCTL)
        systemctl.chmod(0o755)

    def tick(self) -> tuple[int, Tables]:
        """Let one step pass; return the moment by the machine's own clock, and what its agent reads then."""
        self._pass()
        self._write()
        at = Tick(self.wall_ms, self._monotonic)
        tables: dict[str, object] = {}
        asks_systemd = bool(self.units) and self._ticks % _UNIT_TICKS == 0
        for collector in (*self.collectors, *([self._unit_collector] if asks_systemd else [])):
            tables |= collector.collect(at)
        self._ticks += 1
        return self.wall_ms, tables  # type: ignore[return-value]

    def skip(self, seconds: float) -> None:
        """Let time pass that nobody looks at, in which everything goes on as it is."""
        usual, self.step_seconds = self.step_seconds, seconds
        self._pass()
        self.step_seconds = usual

    def _noise(self, value: float, share: float = 0.15) -> float:
        return max(0.0, value * self._random.gauss(1.0, share))

    def _pass(self) -> None:
        seconds = self.step_seconds
        self._monotonic += seconds
        self.up_seconds += seconds
        self.wall_ms += round((seconds + self.clock_step_seconds) * 1000)
        self.clock_step_seconds = 0.0
        wanted = {pid: self._noise(program.cores) for pid, program in self.programs.items()}
        squeezed = min(1.0, CORES * 0.995 / max(sum(wanted.values()), 1e-9))
        for pid, program in self.programs.items():
            program.ticks += wanted[pid] * squeezed * seconds * HERTZ
            program.written += self._noise(program.written_per_second) * seconds
        busy = sum(wanted.values()) * squeezed
        waiting = min(CORES - busy, self.writes_per_second * self.write_seconds * 0.5)
        self._busy += busy * seconds * HERTZ
        self._iowait += waiting * seconds * HERTZ
        self._idle += max(0.0, CORES - busy - waiting) * seconds * HERTZ
        writes = self._noise(self.writes_per_second) * seconds
        self._writes += writes
        self._write_ms += writes * self._noise(self.write_seconds) * 1000
        self._io_ms += min(seconds * 1000, writes * self.write_seconds * 1000)
        self._packets += self._noise(2000.0) * seconds
        self._bytes += min(self._noise(self.bytes_per_second), 124e6) * seconds
        self._swapped += self._noise(self.swapped_pages_per_second) * seconds
        self._errors += self._noise(self.errors_per_second) * seconds
        self._drops += self._noise(self.drops_per_second) * seconds

    def _write(self) -> None:
        busy = sum(program.cores for program in self.programs.values())
        files = {
            "stat": self._stat(),
            "uptime": f"{self.up_seconds:.2f} {self.up_seconds * 3:.2f}\n",
            "loadavg": f"{self._noise(busy):.2f} {busy:.2f} {busy:.2f} {max(1, round(busy))}/{round(self._noise(self.threads, 0.01))} 999\n",
            "meminfo": self._meminfo(),
            "vmstat": f"pgmajfault 100\npswpin {self._swapped:.0f}\npswpout {self._swapped:.0f}\noom_kill 0\n",
            "sys/fs/file-nr": f"{round(self._noise(self.open_files, 0.01))} 0 100000\n",
            "diskstats": f"   8 0 sda 1000 0 8000 500 {self._writes:.0f} 0 {self._writes * 8:.0f} {self._write_ms:.0f} 0 {self._io_ms:.0f} {self._write_ms:.0f} 0 0 0 0 0 0\n",
            "net/dev": self._net(),
            "pressure/cpu": _pressure(max(0.0, busy - CORES) / CORES * 100),
            "pressure/memory": _pressure(self.memory_wait * 100, 0.8),
        }
        for name, text in files.items():
            (self.folder / "proc" / name).write_text(text)
        self._write_programs()
        self._write_units()

    def _write_programs(self) -> None:
        for pid, program in self.programs.items():
            place = self.folder / "proc" / str(pid)
            place.mkdir(exist_ok=True)
            pages = round(self._noise(program.pages, 0.01))
            rest = " ".join(["0"] * 26)
            (place / "stat").write_text(
                f"{pid} ({program.name}) S 1 1 1 0 -1 0 0 0 0 0 {program.ticks:.0f} 0 0 0 20 0 4 0 {program.started_ticks} 1000000 {pages} {rest}\n"
            )
            (place / "io").write_text(f"rchar: 0\nread_bytes: 0\nwrite_bytes: {program.written:.0f}\n")

    def _write_units(self) -> None:
        listed = [
            {"unit": name, "load": "loaded", "active": state, "sub": "failed" if state == "failed" else "running"}
            for name, state in self.units.items()
        ]
        shown = [
            f"Id={name}\nActiveState={state}\nResult={'exit-code' if state == 'failed' else 'success'}\nNRestarts=0\n"
            for name, state in self.units.items()
        ]
        (self.folder / "bin/list-units").write_text(json.dumps(listed))
        (self.folder / "bin/show").write_text("\n".join(shown))

    def end(self, pid: int) -> None:
        """Let a process be gone."""
        del self.programs[pid]
        place = self.folder / "proc" / str(pid)
        for file in place.iterdir():
            file.unlink()
        place.rmdir()

    def _stat(self) -> str:
        def line(name: str, share: float) -> str:
            return (
                f"{name} {self._busy * share:.0f} 0 0 {self._idle * share:.0f} {self._iowait * share:.0f} 0 0 0 0 0\n"
            )

        cores = "".join(line(f"cpu{core}", 1 / CORES) for core in range(CORES))
        started = round(self.wall_ms / 1000 - self.up_seconds)
        return f"{line('cpu', 1.0)}{cores}intr 1\nctxt 1\nbtime {started}\nprocesses 999\nprocs_running 1\nprocs_blocked 0\n"

    def _meminfo(self) -> str:
        used = sum(program.pages for program in self.programs.values()) * PAGE // 1024 + self.taken_kb
        free = max(200_000, TOTAL_KB - used)
        return (
            f"MemTotal: {TOTAL_KB} kB\nMemFree: {free // 2} kB\nMemAvailable: {free} kB\nBuffers: 1000 kB\nCached: 90000 kB\n"
            f"SwapTotal: {SWAP_KB} kB\nSwapFree: {SWAP_KB if not self.swapped_pages_per_second else SWAP_KB // 4} kB\nDirty: 100 kB\nShmem: 100 kB\nSlab: 100 kB\nCommitted_AS: 100 kB\n"
        )

    def _net(self) -> str:
        told = f"{self._bytes:.0f} {self._packets:.0f} {self._errors:.0f} {self._drops:.0f} 0 0 0 0"
        return (
            f"Inter-| Receive\n face |bytes\n  eth0: {told} {self._packets * 100:.0f} {self._packets:.0f} 0 0 0 0 0 0\n"
        )


def _pressure(percent: float, full: float = 0.0) -> str:
    return f"some avg10={min(percent, 99.0):.2f} avg60=0.00 avg300=0.00 total=0\nfull avg10={min(percent, 99.0) * full:.2f} avg60=0.00 avg300=0.00 total=0\n"
