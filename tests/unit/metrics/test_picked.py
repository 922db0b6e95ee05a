"""What is picked out of blocks, when, and how much of it stays."""

import numpy as np
import pytest

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.samples.picked import PickedRows
from nagare.metrics.samples.wanted import Columns


def _block(number: int, rows: int = 1) -> Block:
    return Block(f"{number}.parquet", "samples", "2026-01-01", number, number, rows, 1, "name", 1, 1)


def _rows(count: int) -> Columns:
    return np.zeros(count, np.int32), np.zeros(count, np.int64), np.zeros(count, np.float64)


class _Files:
    """Tells which blocks were read, each with so many rows."""

    def __init__(self, count: int | None = 3) -> None:
        self.read: list[str] = []
        self.count = count

    def __call__(self, block: Block) -> Columns | None:
        self.read.append(block.path)
        return None if self.count is None else _rows(self.count)


BLOCKS = [_block(number) for number in range(5)]


def test_what_is_asked_for_once_is_not_picked() -> None:
    picked, files = PickedRows(), _Files()
    assert picked.of("a", BLOCKS, files) == ([], BLOCKS)
    assert picked.of("b", BLOCKS, files) == ([], BLOCKS)
    assert not files.read


def test_two_blocks_a_time_are_picked_the_newest_first_and_never_again() -> None:
    picked, files = PickedRows(), _Files()
    for left in (5, 3, 1, 0, 0):
        found, rest = picked.of("a", BLOCKS, files)
        assert rest == BLOCKS[:left]
        assert [len(series) for series, _, _ in found] == [3] * (5 - left)
    assert files.read == [f"{number}.parquet" for number in (4, 3, 2, 1, 0)]


def test_a_block_of_too_many_rows_is_looked_at_once() -> None:
    picked, files = PickedRows(), _Files(None)
    for _ in range(4):
        assert picked.of("a", BLOCKS[:1], files) == ([], BLOCKS[:1])
    assert files.read == ["0.parquet"]


def test_a_block_as_large_as_one_of_too_many_rows_is_not_looked_at() -> None:
    picked, files = PickedRows(), _Files(None)
    blocks = [_block(number, rows) for number, rows in enumerate([50, 200, 100, 300])]
    for _ in range(4):
        assert picked.of("a", blocks, files) == ([], blocks)
    # Of another condition nothing is known.
    assert files.read == ["3.parquet", "2.parquet", "0.parquet"]
    picked.of("b", blocks, files)
    picked.of("b", blocks, files)
    assert files.read[3:] == ["3.parquet", "2.parquet"]


def test_what_fails_is_asked_again() -> None:
    def fails(_block: Block) -> Columns:
        raise OSError("gone")

    picked = PickedRows()
    picked.of("a", BLOCKS[:1], fails)
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            picked.of("a", BLOCKS[:1], fails)
    assert picked.of("a", BLOCKS[:1], _Files())[1] == []


def test_conditions_share_what_there_is_and_the_oldest_goes() -> None:
    # 160 kB each: 26 of them are the share of one condition.
    picked, files = PickedRows(), _Files(8192)
    blocks = [_block(number) for number in range(40)]
    for name in "abcdef":
        for _ in range(30):
            picked.of(name, blocks, files)
        assert len(picked.of(name, blocks, files)[1]) == 40 - 26
    assert len(files.read) == 6 * 26
    assert len(picked.of("f", blocks, _Files(None))[1]) == 40 - 26
    # The first one was pushed out.
    assert len(picked.of("a", blocks, _Files(None))[0]) == 0


def test_a_condition_of_a_programs_length_is_never_picked_for() -> None:
    picked, files = PickedRows(), _Files()
    for _ in range(3):
        assert picked.of("a" * 5000, BLOCKS, files) == ([], BLOCKS)
    assert not files.read
