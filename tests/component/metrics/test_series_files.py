"""Files of series: a changed byte is found, named, and never believed."""

from pathlib import Path

import pytest

from nagare.config.places import Places
from nagare.config.settings import QuerySettings
from nagare.metrics.engine import Engine
from nagare.metrics.samples.series_files import SeriesFiles, find_change
from nagare.metrics.survey import Survey
from nagare.model.samples import Series

DEFINITIONS = [(number, Series("up", (("host", f"h{number}"), ("job", "node")), f"h{number}")) for number in range(40)]


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path / "metrics", QuerySettings())


@pytest.fixture
def files(tmp_path: Path, engine: Engine) -> SeriesFiles:
    (tmp_path / "metrics").mkdir()
    made = SeriesFiles(tmp_path / "metrics")
    with engine.cursor() as cursor:
        made.add(cursor, DEFINITIONS[:20])
        made.add(cursor, DEFINITIONS[20:])
        assert made.load(cursor) == DEFINITIONS
    return made


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_changed_file_is_left_out_and_the_other_tells_what_it_knows(
    files: SeriesFiles, engine: Engine, part: float
) -> None:
    damaged = files.paths()[0]
    _flip(damaged, round(part * damaged.stat().st_size))
    assert "other bytes" in find_change(damaged)
    with engine.cursor() as cursor:
        found = files.load(cursor)
        assert found in (DEFINITIONS[:20], DEFINITIONS[20:])
        files.merge(cursor)
        assert damaged.exists()
        assert files.load(cursor) == found


def test_a_merged_file_has_a_checksum_too(files: SeriesFiles, engine: Engine) -> None:
    with engine.cursor() as cursor:
        files.merge(cursor)
        (merged,) = files.paths()
        assert find_change(merged) == ""
        assert files.load(cursor) == DEFINITIONS
    assert len(merged.stem) == 24
    assert not files.are_many


def test_a_file_of_an_earlier_version_is_read(files: SeriesFiles, engine: Engine) -> None:
    for path in files.paths():
        path.rename(path.with_name(f"{path.stem[:16]}.parquet"))
    with engine.cursor() as cursor:
        assert files.load(cursor) == DEFINITIONS


def test_the_survey_names_it(files: SeriesFiles, tmp_path: Path) -> None:
    damaged = files.paths()[0]
    _flip(damaged, damaged.stat().st_size // 2)
    survey = Survey(Places(tmp_path), QuerySettings(), is_live=False, progress=lambda _done, _total: None)
    assert [finding.file for finding in survey.read_series()] == [f"metrics/series/{damaged.name}"]
