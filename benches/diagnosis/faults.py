"""The faults: what each does to a machine of files, and which cause a diagnosis should name. Controls do nothing, or nothing wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benches.diagnosis.machine import Machine, Program

Deed = Callable[[Machine, int], None]
_GIB_KB, _DAY_SECONDS = 2**20, 86_400.0


@dataclass(frozen=True)
class Fault:
    """A fault: ``deed`` is done at each tick since it began, with their number; ``usual`` at every tick.

    ``causes`` are those that are right, none for a control. ``before`` and ``since`` are ticks, of a quarter of a minute.
    """

    name: str
    causes: tuple[str, ...]
    deed: Deed
    usual: Deed = lambda _machine, _tick: None
    before: int = 36
    since: int = 18


def _slow_disk(machine: Machine, _: int) -> None:
    machine.write_seconds = 0.18


def _loss(machine: Machine, _: int) -> None:
    machine.errors_per_second, machine.drops_per_second = 9.0, 70.0


def _unit(machine: Machine, tick: int) -> None:
    if tick == 0:
        machine.units["mailer.service"] = "failed"


def _units(machine: Machine, tick: int) -> None:
    if tick == 0:
        machine.units = dict.fromkeys(("cron.service", "mailer.service", "nginx.service", "ssh.service"), "active")


def _clock(machine: Machine, tick: int) -> None:
    if tick == 0:
        machine.clock_step_seconds = 95.0


def _crowded(machine: Machine, _: int) -> None:
    machine.bytes_per_second = 122e6


def _swap(machine: Machine, _: int) -> None:
    machine.taken_kb, machine.swapped_pages_per_second, machine.memory_wait = 15 * _GIB_KB, 9_000.0, 0.4


def _files(machine: Machine, tick: int) -> None:
    machine.open_files = min(99_000, 4_000 + 12_000 * (tick + 1))


def _threads(machine: Machine, tick: int) -> None:
    machine.threads = min(24_000, 240 + 1_800 * (tick + 1))


def _inodes(machine: Machine, tick: int) -> None:
    machine.space.f_ffree = max(20_000, machine.space.f_ffree - 600_000 * (tick < 8))


def _read_only(machine: Machine, tick: int) -> None:
    if tick == 0:
        mounts = machine.folder / "proc/self/mountinfo"
        mounts.write_text(mounts.read_text().replace(" rw", " ro"))


def _nothing(_: Machine, __: int) -> None:
    """Let everything be as it is."""


def _short_job(machine: Machine, tick: int) -> None:
    """Let a job run for a minute and end, as jobs do."""
    if tick == 0:
        machine.programs[4713] = Program(4713, "backup", 1.2, 60_000, 5e6, started_ticks=90_000_000)
    if tick == 4:
        machine.end(4713)


def _busier(machine: Machine, _: int) -> None:
    """Let there be twice as much to do, which it can do."""
    machine.programs[101].cores = 0.9


def _nightly(machine: Machine, tick: int) -> None:
    """Let the night before have had a backup of five minutes, a little earlier, and pass the day in between."""
    if tick == 14:
        _backup(machine, 5000)
    if tick == 34:
        machine.end(5000)
        machine.write_seconds, machine.bytes_per_second = 0.002, 4e6
    if tick == 40:
        machine.skip(_DAY_SECONDS - 40 * machine.step_seconds)


def _backup(machine: Machine, pid: int) -> None:
    machine.programs[pid] = Program(pid, "backup", 2.7, 90_000, 60e6, started_ticks=90_000_000)
    machine.write_seconds, machine.bytes_per_second = 0.021, 90e6


def _tonight(machine: Machine, tick: int) -> None:
    """Let the backup run that ran the night before."""
    if tick == 0:
        _backup(machine, 5001)


def _deploy(machine: Machine, tick: int) -> None:
    """Let a new version take the place of the old one, with a minute of work and a somewhat larger memory."""
    old = 105
    if tick == 0:
        pages = machine.programs[old].pages
        machine.end(old)
        machine.programs[6000] = Program(6000, "redis-server", 0.13, pages + 6_000, 20_000.0, started_ticks=90_000_000)
        machine.programs[6001] = Program(6001, "unpack", 1.5, 30_000, 8e6, started_ticks=90_000_000)
    if tick == 4:
        machine.end(6001)


def _reboot(machine: Machine, tick: int) -> None:
    """Let it start anew, as somebody wanted."""
    if tick == 0:
        machine.up_seconds = 0.0


FAULTS = (
    Fault("slow-disk", ("disk.slow",), _slow_disk),
    Fault("packet-loss", ("network.loss",), _loss),
    Fault("failed-unit", ("unit.failed",), _unit, _units),
    Fault("clock-jump", ("clock.jump",), _clock),
    Fault("network-saturated", ("network.saturated",), _crowded),
    Fault("swap-storm", ("memory.exhausted",), _swap),
    Fault("files-exhausted", ("files.exhausted",), _files),
    Fault("thread-runaway", ("tasks.runaway",), _threads),
    Fault("inodes-used", ("disk.inodes",), _inodes),
    Fault("read-only", ("disk.read_only",), _read_only),
    Fault("control", (), _nothing),
    Fault("control-short-job", (), _short_job),
    Fault("control-busier", (), _busier),
    Fault("control-nightly", (), _tonight, _nightly, before=58),
    Fault("control-deploy", (), _deploy),
    Fault("control-reboot", (), _reboot),
)
