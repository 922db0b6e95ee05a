"""Faults that change the files of a machine, read by the collectors, stored, and diagnosed without a model."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from benches.diagnosis.faults import FAULTS, Fault
from benches.diagnosis.machine import Machine
from nagare.model.columns import row_count
from nagare.wire.diagnosis import DiagnosisView
from tests.support.clinic import Clinic, clinic
from tests.support.metric_store import make_batch

# Before and since the fault, in ticks of a quarter of a minute.
BEFORE, SINCE = 48, 18
SECONDS = 480.0
SEED = 20_261_126


def watched(machine: Machine, fault: Fault) -> dict[str, dict[str, list[Any]]]:
    """Let the fault happen, and return the tables that the machine's collectors made of it."""
    told: dict[str, dict[str, list[Any]]] = {}
    for place in range(BEFORE + SINCE):
        if place >= BEFORE:
            fault.deed(machine, place - BEFORE)
        at_ms, tables = machine.tick()
        for name, columns in tables.items():
            rows = {"ts": [at_ms] * row_count(columns), **columns}
            for column, cells in rows.items():
                told.setdefault(name, {}).setdefault(column, []).extend(cells)
    return told


async def play(room: Clinic, fault: Fault, folder: Path, seed: int) -> DiagnosisView:
    """Let the fault happen, and diagnose at its end."""
    machine = Machine(folder, seed, wall_ms=room.clock.now_ms())
    told = await asyncio.to_thread(watched, machine, fault)
    await room.clock.advance((machine.wall_ms - room.clock.now_ms()) / 1000)
    await room.store.append(make_batch(1, told, host="box"))
    return await room.diagnose("box", seconds=SECONDS)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
async def test_its_cause_comes_first_and_a_sound_machine_has_none(tmp_path: Path, fault: Fault) -> None:
    async with clinic(tmp_path / "data") as room:
        made = await play(room, fault, tmp_path / "machine", SEED)
        for piece in made.evidence:
            rows = await room.asker().ask(piece.sql, piece.params)
            assert {figure.name: figure.value for figure in piece.figures}.items() <= rows[0].items()
    causes = [finding.cause for finding in made.findings]
    assert causes[:1] == ([fault.cause] if fault.cause else []), made.summary
    assert made.struck == []
    if not fault.cause:
        assert made.verdict == "OK"
