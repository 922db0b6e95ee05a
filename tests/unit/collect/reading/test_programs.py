"""Foreign programs: deadline, bound, and how they end."""

import time
from pathlib import Path

import pytest

from nagare.collect.reading import programs
from nagare.collect.reading.programs import find_program, run_program
from nagare.errors import DeadlineExceededError, LimitExceededError, UnavailableError
from tests.unit.collect.trees import program


def test_output_and_code(tmp_path: Path) -> None:
    places = program(tmp_path, "tool", "echo hello $1; echo noise >&2; exit 3")
    path = find_program("tool", places)
    assert path is not None
    outcome = run_program((path, "there"), 10)
    assert (outcome.code, outcome.output) == (3, b"hello there\n")


def test_absent_program(tmp_path: Path) -> None:
    assert find_program("no-such-tool", str(tmp_path)) is None
    assert find_program("sh") is not None
    with pytest.raises(UnavailableError, match="cannot start"):
        run_program((str(tmp_path / "none"),), 1)


def test_late_program_is_killed_with_its_children(tmp_path: Path) -> None:
    places = program(tmp_path, "stuck", "sleep 60 & sleep 60")
    started = time.monotonic()
    with pytest.raises(DeadlineExceededError, match="took more than"):
        run_program((f"{places}/stuck",), 0.2)
    assert time.monotonic() - started < 10


def test_endless_output_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "OUTPUT_LIMIT_BYTES", 4096)
    places = program(tmp_path, "chatty", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxx; done")
    with pytest.raises(LimitExceededError, match="more than"):
        run_program((f"{places}/chatty",), 20)
