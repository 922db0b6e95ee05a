"""Exports beyond their bounds go, the oldest first; what somebody is writing stays."""

import os
from pathlib import Path

from nagare.automation.upkeep.exports import prune

NOW_MS = 1_760_000_000_000
HOUR = 3600.0


def _file(folder: Path, name: str, size: int, age_seconds: float) -> Path:
    path = folder / name
    path.write_bytes(b"x" * size)
    made = NOW_MS / 1000 - age_seconds
    os.utime(path, (made, made))
    return path


def test_what_is_too_old_goes_and_then_the_oldest_until_the_rest_fits(tmp_path: Path) -> None:
    _file(tmp_path, "ancient.csv", 1, 50 * HOUR)
    _file(tmp_path, "old.csv", 60, 3 * HOUR)
    _file(tmp_path, "new.csv", 60, 2 * HOUR)
    assert prune(tmp_path, 48 * HOUR, 100, NOW_MS) == ["ancient.csv", "old.csv"]
    assert prune(tmp_path / "none", HOUR, 1, NOW_MS) == []


def test_what_was_just_made_stays_also_when_it_is_the_oldest(tmp_path: Path) -> None:
    made = _file(tmp_path, "made.csv", 90, 3 * HOUR)
    _file(tmp_path, "other.csv", 90, 1 * HOUR)
    assert prune(tmp_path, HOUR, 100, NOW_MS, keep=made) == ["other.csv"]


def test_what_another_one_writes_now_neither_goes_nor_counts_and_what_nobody_writes_any_more_goes(
    tmp_path: Path,
) -> None:
    _file(tmp_path, ".a.csv.unfinished", 500, 0.5 * HOUR)
    _file(tmp_path, ".b.csv.unfinished", 500, 3 * HOUR)
    _file(tmp_path, "c.csv", 90, 0.75 * HOUR)
    assert prune(tmp_path, 48 * HOUR, 100, NOW_MS) == [".b.csv.unfinished"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.csv.unfinished", "c.csv"]
