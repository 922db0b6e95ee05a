"""A job is shown in one state, and that state hides nothing bad."""

from itertools import product
from typing import Any

import pytest

from nagare.model.command.states import ENDED, CommandState
from nagare.tui.jobs.rows import COMMAND_COLUMNS, JOB_COLUMNS, command_row, is_over, job_row, job_state, moment_ms
from tests.tui.jobs import MADE_MS, command_of, job_of


def _job(*states: str, **more: Any) -> Any:
    return job_of("j", [command_of(f"h{number}", state) for number, state in enumerate(states)], **more)


@pytest.mark.parametrize(
    ("states", "shown"),
    [
        (("pending", "pending"), "pending"),
        (("queued", "approved"), "queued"),
        (("sent", "queued"), "sent"),
        (("done", "queued"), "started"),
        (("started", "lost"), "started"),
        (("done", "done"), "done"),
        (("done", "failed"), "failed"),
        (("failed", "lost"), "lost"),
        (("done", "cancelled"), "cancelled"),
        (("cancelled", "expired"), "expired"),
    ],
)
def test_the_one_state(states: tuple[str, ...], shown: str) -> None:
    assert job_state(_job(*states)) == shown


@pytest.mark.parametrize("states", product(CommandState, CommandState))
def test_only_a_job_whose_every_command_is_done_reads_as_done(states: tuple[CommandState, ...]) -> None:
    job = _job(*states)
    assert (job_state(job) == "done") == (set(states) == {CommandState.DONE})
    assert is_over(job) == (set(states) <= ENDED)


def test_what_waits_stands_before_what_is_newer() -> None:
    waiting = job_row(_job("pending", age_seconds=9000), MADE_MS)["order"]
    assert waiting < job_row(_job("started", age_seconds=1), MADE_MS)["order"] < job_row(_job("done"), MADE_MS)["order"]


def test_cells_hold_nothing_that_steers_a_terminal() -> None:
    bad = "x\x1b[2J\u202e\n"
    job = _job("done", action=bad, arguments={"unit": bad, "only": [bad]}, requester=bad, why=bad, stopped=bad)
    command = command_of(bad, "failed", reason=bad, text=bad, exit_code=None, confinement=bad)
    cells = [*job_row(job, MADE_MS).values(), *command_row(command, MADE_MS).values()]
    assert not [cell for cell in cells if isinstance(cell, str) and set(cell) & set("\x1b\u202e\n")]


def test_rows_have_every_column() -> None:
    assert set(job_row(_job("done"), MADE_MS)) == {column.key for column in JOB_COLUMNS}
    assert set(command_row(command_of("a"), MADE_MS)) == {column.key for column in COMMAND_COLUMNS}


def test_what_a_command_came_to() -> None:
    assert command_row(command_of("a"), MADE_MS)["cause"] == "exit 0"
    assert command_row(command_of("a"), MADE_MS)["took"] == 2.0
    assert command_row(command_of("a", "failed"), MADE_MS)["cause"] == "exit 3"
    assert command_row(command_of("a", "lost", reason="no-word"), MADE_MS)["cause"] == "no-word"
    assert command_row(command_of("a", "queued"), MADE_MS)["took"] is None
    assert command_row(command_of("a", "started"), MADE_MS)["took"] == 58.0


@pytest.mark.parametrize(("text", "ms"), [("1970-01-01T00:00:01.5Z", 1500), (None, None), ("", None), ("soon", None)])
def test_times(text: str | None, ms: int | None) -> None:
    assert moment_ms(text) == ms
