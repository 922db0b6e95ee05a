"""The children's lines: named, bounded, harmless, and never in the way of the child."""

import threading
from pathlib import Path

from nagare.cli.supervision import log_lines
from nagare.cli.supervision.log_lines import QUEUE_LINES, TAIL_LINES, LogLines, to_file


def test_lines_carry_their_child_and_are_harmless() -> None:
    written: list[str] = []
    with LogLines(written.append, is_shown=True) as lines:
        lines.add("serve", "ready \x1b[31mred")
        lines.add("agent", "x" * 10_000)
    assert written[0] == "serve | ready ␛[31mred"
    assert len(written[1]) < 9000


def test_a_reader_that_stops_costs_lines_not_the_child() -> None:
    written: list[str] = []
    gate = threading.Event()

    def slow(line: str) -> None:
        gate.wait(30)
        written.append(line)

    with LogLines(slow, is_shown=True) as lines:
        for index in range(QUEUE_LINES + 500):
            lines.add("serve", str(index))
        # One line is in the writer's hands.
        assert 498 <= lines.dropped <= 500
        gate.set()
    assert written[0] == "serve | 0"
    assert any("log lines dropped" in line for line in written)
    assert lines.tail("serve") == [str(index) for index in range(QUEUE_LINES + 500 - TAIL_LINES, QUEUE_LINES + 500)]
    assert lines.tail("agent") == []


def test_a_file_is_turned_over_once(tmp_path: Path) -> None:
    path = tmp_path / "up.log"
    limit = log_lines._FILE_LIMIT_BYTES
    line = "x" * 1023
    with to_file(path) as write:
        for _ in range(2 * limit // 1024 + 10):
            write(line)
    assert {entry.name for entry in tmp_path.iterdir()} == {"up.log", "up.log.1"}
    assert all(entry.stat().st_size <= limit for entry in tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    with to_file(tmp_path / "missing" / "up.log") as write:
        write("x")
