"""Faults that are done for real to a machine with a real agent, and controls in which nothing is wrong. Knows nothing of the engine."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from benches.diagnosis.box import Box

MIB = 2**20
Act = Callable[[Box, random.Random], None]


@dataclass(frozen=True)
class Injection:
    """``before`` happens before the quiet time, ``act`` after it. ``causes`` are those that are right, none for a control."""

    name: str
    causes: tuple[str, ...]
    act: Act
    before: Act = lambda _box, _chance: None


def _hog(box: Box, chance: random.Random) -> None:
    box.start("reportd", "burn", chance.randint(2, 3))


def _leak(box: Box, chance: random.Random) -> None:
    box.start("queued", "leak", chance.randint(8 * MIB, 14 * MIB), 2560 * MIB)


def _mount(box: Box, chance: random.Random) -> None:
    size = chance.randint(200, 400) * MIB
    box.data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "data", box.data], check=True)
    (box.data / "kept").write_bytes(b"\x01" * round(size * chance.uniform(0.3, 0.5)))


def _fill(box: Box, chance: random.Random) -> None:
    box.start("exportd", "fill", box.data / "export", chance.randint(2 * MIB, 4 * MIB))


def _crash(box: Box, chance: random.Random) -> None:
    box.end(box.PROBED, chance.choice([signal.SIGSEGV, signal.SIGABRT]))


def _busy(box: Box, chance: random.Random) -> None:
    for name in ("indexd", "renderd"):
        box.start(name, "job", 3600, chance.uniform(0.15, 0.25))


def _deploy(box: Box, _: random.Random) -> None:
    box.end(box.PROBED, signal.SIGTERM)
    box.start_service(box.PROBED)
    box.start("unpack", "job", 12, 0.6)


def _nothing(_box: Box, _chance: random.Random) -> None:
    """Let everything be as it is."""


INJECTIONS = {
    one.name: one
    for one in (
        Injection("cpu-hog", ("cpu.saturated",), _hog),
        Injection("memory-leak", ("memory.leak",), _leak),
        Injection("disk-fill", ("disk.full",), _fill, _mount),
        Injection("crashed-process", ("process.crashed",), _crash),
        Injection("control-idle", (), _nothing),
        Injection("control-busy", (), _nothing, _busy),
        Injection("control-deploy", (), _deploy),
    )
}
