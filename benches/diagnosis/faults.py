"""The faults: what each does to a machine, and which cause a diagnosis should name. Controls do nothing, or nothing wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benches.diagnosis.machine import Machine, Program

Deed = Callable[[Machine, int], None]


@dataclass(frozen=True)
class Fault:
    """A fault: ``deed`` is done at each tick since it began, with their number. ``cause`` is empty for a control."""

    name: str
    cause: str
    deed: Deed


def _hog(machine: Machine, tick: int) -> None:
    if tick == 0:
        machine.programs[4711] = Program(4711, "burn", 6.0, 3_000, started_ticks=90_000_000)


def _leak(machine: Machine, tick: int) -> None:
    if tick == 0:
        machine.programs[4712] = Program(4712, "leaky", 0.2, 20_000, started_ticks=90_000_000)
    machine.programs[4712].pages += 75_000


def _slow_disk(machine: Machine, _: int) -> None:
    machine.write_seconds = 0.18


def _loss(machine: Machine, _: int) -> None:
    machine.errors_per_second, machine.drops_per_second = 9.0, 70.0


def _clock(machine: Machine, tick: int) -> None:
    if tick == 0:
        machine.clock_step_seconds = 95.0


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


FAULTS = (
    Fault("cpu-hog", "cpu.saturated", _hog),
    Fault("memory-leak", "memory.leak", _leak),
    Fault("slow-disk", "disk.slow", _slow_disk),
    Fault("packet-loss", "network.loss", _loss),
    Fault("clock-jump", "clock.jump", _clock),
    Fault("control", "", _nothing),
    Fault("control-short-job", "", _short_job),
    Fault("control-busier", "", _busier),
)
