"""What a survey of a spool counts is what its owner counts, whatever was sent, thinned or torn; and it changes nothing."""

import random
from pathlib import Path

import pytest

from nagare.agent.batches import Packed
from nagare.agent.spool import Spool
from nagare.agent.spool_survey import Survey, survey_spool


def _packed(number: int) -> Packed:
    return Packed("web1", "zstd", random.Random(number).randbytes(300), 1_000_000 + number)


def _files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("sent", [0, 3, 64, 200])
def test_it_counts_what_its_owner_counts_and_changes_nothing(tmp_path: Path, sent: int) -> None:
    directory = tmp_path / "batches"
    spool = Spool(directory, limit_bytes=256 * 1024)
    spool.open()
    for number in range(200):
        spool.append(_packed(number))
    for _ in range(sent):
        newest = spool.read()[0]
        spool.acknowledge(newest.index, newest.packed.level)
    spool.close()
    before = _files(directory)
    found = survey_spool(tmp_path)
    assert (found.batches, found.size_bytes, found.oldest_ms) == (spool.count, spool.size_bytes, spool.oldest_ms)
    assert found.batches == 200 - sent
    assert _files(directory) == before


def test_a_torn_tail_costs_the_torn_record(tmp_path: Path) -> None:
    directory = tmp_path / "batches"
    spool = Spool(directory, limit_bytes=256 * 1024)
    spool.open()
    for number in range(5):
        spool.append(_packed(number))
    spool.close()
    segment = next(directory.glob("*.seg"))
    segment.write_bytes(segment.read_bytes()[:-10])
    assert survey_spool(tmp_path).batches == 4


def test_of_no_spool_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert survey_spool(tmp_path) == Survey(0, 0, 0)
