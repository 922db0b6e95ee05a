"""Lets the engine diagnose a fault without a model, from a recording or from a machine of files, and says what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benches.diagnosis.faults import Fault
from benches.diagnosis.machine import Machine
from benches.diagnosis.recording import Recording, Tables
from benches.diagnosis.scoring import Outcome, Told
from nagare.model.columns import row_count
from nagare.wire.diagnosis import DiagnosisView
from tests.support.clinic import Clinic, clinic
from tests.support.metric_store import make_batch

# As far back as `nagare diagnose` looks unless it is told otherwise.
SECONDS = 3600.0
_HOST = "web1"
# What was looked at while rules and thresholds were chosen, and what was not: only the second is reported.
TUNING_SEEDS, REPORTED_SEEDS = (*range(1, 20), 70_001, 70_002, 80_012), (80_011, 80_013)


def watched(machine: Machine, fault: Fault) -> Tables:
    """Let the fault happen, and return the tables that the machine's collectors made of it."""
    told: dict[str, dict[str, list[Any]]] = {}
    for place in range(fault.before + fault.since):
        fault.usual(machine, place)
        if place >= fault.before:
            fault.deed(machine, place - fault.before)
        at_ms, tables = machine.tick()
        for name, columns in tables.items():
            rows = {"ts": [at_ms] * row_count(columns), **columns}
            for column, cells in rows.items():
                told.setdefault(name, {}).setdefault(column, []).extend(cells)
    return told


async def play(room: Clinic, tables: Tables) -> DiagnosisView:
    """Store ``tables``, which end now, and diagnose."""
    await room.store.append(make_batch(1, tables, host=_HOST))
    return await room.diagnose(_HOST, seconds=SECONDS)


async def play_fault(room: Clinic, fault: Fault, folder: Path, seed: int) -> DiagnosisView:
    """Let a fault happen to a machine of files, and diagnose at its end."""
    machine = Machine(folder, seed, wall_ms=room.clock.now_ms())
    tables = await asyncio.to_thread(watched, machine, fault)
    await room.clock.advance((machine.wall_ms - room.clock.now_ms()) / 1000)
    return await play(room, tables)


def outcome(name: str, causes: Sequence[str], view: DiagnosisView, seconds: float) -> Outcome:
    """Return what the diagnosis told, as it is judged."""
    told = [Told(one.cause, one.confidence, one.severity > 0) for one in view.findings]
    tokens = 0 if view.usage is None else view.usage.prompt_tokens + view.usage.answer_tokens
    return Outcome(name, causes, told, seconds, tokens)


async def try_recording(recording: Recording, folder: Path) -> Outcome:
    """Diagnose a recording."""
    async with clinic(folder) as room:
        tables = recording.moved(room.clock.now_ms())
        began = time.process_time()
        view = await play(room, tables)
        return outcome(recording.name, recording.causes, view, time.process_time() - began)


async def try_fault(fault: Fault, folder: Path, seed: int) -> Outcome:
    """Diagnose a machine of files."""
    async with clinic(folder / "data") as room:
        began = time.process_time()
        view = await play_fault(room, fault, folder / "machine", seed)
        return outcome(fault.name, fault.causes, view, time.process_time() - began)
