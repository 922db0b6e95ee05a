"""Faults, recorded from real agents or done to the files of a machine that the collectors read, diagnosed without a model."""

from pathlib import Path

import pytest

from benches.diagnosis.faults import FAULTS, Fault
from benches.diagnosis.injections import INJECTIONS
from benches.diagnosis.recording import REPORTED, TUNING, load, recordings
from benches.diagnosis.trial import REPORTED_SEEDS, TUNING_SEEDS, play, play_fault
from nagare.wire.diagnosis import DiagnosisView
from tests.support.clinic import Clinic, clinic

RECORDED = recordings(REPORTED)


async def check(room: Clinic, made: DiagnosisView, causes: tuple[str, ...]) -> None:
    """Fail unless the cause comes first, nothing is told of a sound machine, and every number is its query's."""
    told = [finding.cause for finding in made.findings if finding.severity > 0]
    assert told[:1] == list(causes), made.summary
    assert made.struck == []
    if not causes:
        assert made.verdict == "OK"
    for piece in made.evidence:
        rows = await room.asker().ask(piece.sql, piece.params)
        for figure in piece.figures:
            assert rows[0][figure.name] == pytest.approx(figure.value, rel=1e-9)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
async def test_the_cause_in_a_machine_of_files_comes_first_and_a_sound_one_has_none(
    tmp_path: Path, fault: Fault
) -> None:
    async with clinic(tmp_path / "data") as room:
        made = await play_fault(room, fault, tmp_path / "machine", REPORTED_SEEDS[0])
        await check(room, made, fault.causes)


@pytest.mark.parametrize("path", RECORDED, ids=[path.name.partition(".")[0] for path in RECORDED])
async def test_the_cause_that_a_real_agent_saw_comes_first_and_a_sound_machine_has_none(
    tmp_path: Path, path: Path
) -> None:
    recording = load(path)
    async with clinic(tmp_path) as room:
        made = await play(room, recording.moved(room.clock.now_ms()))
        await check(room, made, tuple(recording.causes))


def test_every_injection_is_recorded_and_what_was_tuned_on_is_not_what_is_reported() -> None:
    assert {load(path).name for path in RECORDED} == set(INJECTIONS)
    assert {load(path).seed for path in RECORDED}.isdisjoint({load(path).seed for path in recordings(TUNING)})
    assert set(REPORTED_SEEDS).isdisjoint(TUNING_SEEDS)


def test_there_are_ten_different_causes_and_four_controls() -> None:
    every = [*(one.causes for one in FAULTS), *(one.causes for one in INJECTIONS.values())]
    assert len({causes for causes in every if causes}) >= 10
    assert every.count(()) >= 4


@pytest.mark.parametrize("path", [*RECORDED, *recordings(TUNING)], ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_recording_is_small_and_names_no_program_by_its_command_line(path: Path) -> None:
    assert path.stat().st_size < 150_000
    tables = load(path).tables
    assert "command" not in tables["process"]
    assert set(tables["disk"]["mount"]) <= {"/", "/srv/data"}
