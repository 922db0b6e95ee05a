"""Days of blocks."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.metrics.blocks.files import DAY_MS, BlockFiles, Origin, Span, day_of, day_start_ms


@given(st.integers(0, 4_000_000_000_000))
def test_a_day_begins_at_midnight_utc(ts_ms: int) -> None:
    start = day_start_ms(ts_ms)
    assert start <= ts_ms < start + DAY_MS
    assert day_of(start) == day_of(ts_ms) == day_of(start + DAY_MS - 1)


def test_days_are_named_as_people_write_them() -> None:
    assert day_of(1_760_000_000_000) == "2025-10-09"


def test_a_folder_that_goes_away_before_the_file_is_there_is_made_again(tmp_path: Path) -> None:
    files, tries = BlockFiles(tmp_path), []

    def write(path: Path) -> None:
        tries.append(path)
        if len(tries) == 1:
            # As when the last other block of that day is removed in this moment.
            path.parent.rmdir()
        path.write_bytes(b"block")

    block = files.place(Origin("load", ("ts",), ("ts",), 1, 1), Span(0, 1, 1), write)
    assert (tmp_path / block.path).read_bytes() == b"block"
    assert len(tries) == 2


def test_a_file_that_cannot_be_written_is_not_tried_again(tmp_path: Path) -> None:
    tries = []

    def write(path: Path) -> None:
        tries.append(path)
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        BlockFiles(tmp_path).place(Origin("load", ("ts",), ("ts",), 1, 1), Span(0, 1, 1), write)
    assert len(tries) == 1
