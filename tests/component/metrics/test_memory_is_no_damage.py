"""A reader that has no memory finds no damage: what it could not read may be as it was written."""

from pathlib import Path

import duckdb  # noqa: TID253  what it raises is what is tested
import pytest

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.verify import find_bad_row_group, find_misread, find_undecodable


def test_a_file_that_does_not_fit_is_not_said_to_be_damaged(tmp_path: Path) -> None:
    with duckdb.connect(config={"threads": 2}) as database:
        database.execute(
            f"COPY (SELECT repeat('x', 40_000_000) AS text) TO '{tmp_path / 'sound.parquet'}' (FORMAT parquet)"
        )
        assert find_undecodable(database, tmp_path / "sound.parquet") == ""
        (tmp_path / "bad.parquet").write_bytes((tmp_path / "sound.parquet").read_bytes()[:-9])
        database.execute("SET memory_limit = '16MB'")
        block = Block("sound.parquet", "load", "2025-10-09", 0, 0, 1, 1, "text", 0, 0)
        with pytest.raises(duckdb.OutOfMemoryException):
            find_undecodable(database, tmp_path / "sound.parquet")
        with pytest.raises(duckdb.OutOfMemoryException):
            find_misread(database, tmp_path, block)
        with pytest.raises(duckdb.OutOfMemoryException):
            find_bad_row_group(database, tmp_path, block)
        assert find_undecodable(database, tmp_path / "bad.parquet") == "does not read back"
