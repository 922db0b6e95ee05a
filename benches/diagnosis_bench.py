"""Faults and how well they are found without a model: where the cause stands, what is told of sound machines, how long it takes.

Half of them were done for real to machines with real agents and recorded once, the others are machines of files, read by the
collectors themselves. What is reported here was not looked at while rules and thresholds were chosen.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benches.diagnosis.faults import FAULTS
from benches.diagnosis.recording import REPORTED, load, recordings
from benches.diagnosis.scoring import Outcome, brier, top
from benches.diagnosis.trial import REPORTED_SEEDS, try_fault, try_recording
from benches.report import Row, Section


def run() -> Section:
    """Diagnose every fault and every control."""
    outcomes = asyncio.run(_outcomes())
    section = Section(
        "Diagnoses without a model",
        "Faults recorded from real agents (“recorded”) and machines of files that a fault changes, each once a seed; a control is a machine with nothing"
        " wrong. How sure a right cause is told, at which place; of a control, how much is told as trouble. Seconds are of processor time.",
    )
    for name in dict.fromkeys(one.name for one in outcomes):
        section.rows.append(_row(name, [one for one in outcomes if one.name == name]))
    section.rows += _summary(outcomes)
    return section


async def _outcomes() -> list[Outcome]:
    found = [await _tried(path) for path in recordings(REPORTED)]
    for fault in FAULTS:
        for seed in REPORTED_SEEDS:
            with tempfile.TemporaryDirectory() as folder:
                found.append(await try_fault(fault, Path(folder), seed))
    return found


async def _tried(path: Path) -> Outcome:
    recording = load(path)
    with tempfile.TemporaryDirectory() as folder:
        made = await try_recording(recording, Path(folder))
    return Outcome(f"{made.name} (recorded)", made.causes, made.told, made.seconds, made.tokens)


def _row(name: str, outcomes: Sequence[Outcome]) -> Row:
    if not outcomes[0].causes:
        return Row(name, max(len(one.false_alarms) for one in outcomes), "told as trouble", promise=0)
    places = {one.place for one in outcomes}
    shown = ", ".join("none" if place is None else str(place) for place in sorted(places, key=lambda one: one or 99))
    sure = 100 * min(one.confidence for one in outcomes)
    return Row(f"{name}: {outcomes[0].causes[0]}", sure, f"% sure, place {shown}")


def _summary(outcomes: Sequence[Outcome]) -> list[Row]:
    alarms = sum(len(one.false_alarms) for one in outcomes)
    return [
        Row("the cause comes first", 100 * top(outcomes, 1), "%", promise=90, more_is_better=True),
        Row("the cause is among the first three", 100 * top(outcomes, 3), "%", promise=100, more_is_better=True),
        Row("told as trouble of sound machines", alarms, "findings", promise=0),
        Row("Brier score of the confidences", brier(outcomes), "", beside=0.25, beside_name="a coin"),
        Row("tokens", sum(one.tokens for one in outcomes), ""),
        Row("the slowest of them", max(one.seconds for one in outcomes), "s", promise=2),
    ]
