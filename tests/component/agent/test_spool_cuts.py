"""The spool is cut off between any two steps, and at any byte of its files: nothing promised goes missing untold, nothing comes twice."""

import itertools
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.agent.batches import Packed, pack_batch
from nagare.agent.losses import Losses, Reason
from nagare.agent.spool import Spool
from nagare.wire.batch import Batch, Cell
from tests.support.spool_reader import SpoolReader, opened

LIMIT = 2**16
# As far as one batch moves the clock by which others are too old.
STEP_MS = 600_000


class CutError(BaseException):
    """The power went."""


def _packed(number: int, *, size: int = 600, at_ms: int | None = None) -> Packed:
    text = random.Random(number).randbytes(size // 2).hex()
    tables: dict[str, dict[str, list[Cell]]] = {"load": {"ts": [number], "text": [text]}}
    if number % 7 == 0:
        tables["events"] = {"ts": [number], "id": [f"e{number}"], "kind": ["x"]}
    return pack_batch("web1", "boot", number, tables, 1_000 + number if at_ms is None else at_ms)


def _open(folder: Path, *, limit: int = LIMIT, age_limit_seconds: float = 1e9) -> Spool:
    spool = Spool(folder, limit_bytes=limit, age_limit_seconds=age_limit_seconds)
    spool.open()
    return spool


def _drain(spool: Spool, reader: SpoolReader) -> None:
    while waiting := spool.read():
        for one in waiting:
            reader.take(one.packed)
            spool.acknowledge(one.index, one.packed.level)


@contextmanager
def _cut_at(number: int, *, is_after: bool) -> Iterator[None]:
    """Cut off at the ``number``-th call that changes the disk, before or after it."""
    calls = itertools.count(1)

    def cutting(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            is_now = next(calls) == number
            if is_now and not is_after:
                raise CutError
            result = function(*arguments, **more)
            if is_now:
                raise CutError
            return result

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "fsync", "fdatasync", "pwrite", "ftruncate"):
            patch.setattr(os, name, cutting(getattr(os, name)))
        patch.setattr(Path, "unlink", cutting(Path.unlink))
        yield


def _lost(spool: Spool) -> int:
    report = spool.losses.report("web1", 1)
    if report is None:
        return 0
    return sum(
        int(str(one["batches"])) for one in opened(report).tables["events"]["attributes"] if isinstance(one, dict)
    )


def _check(spool: Spool, promised: set[int], tried: set[int]) -> None:
    """Every promised batch arrived, stands in another that did, or is told as lost; and nothing arrived twice."""
    reader = SpoolReader()
    _drain(spool, reader)
    lost = _lost(spool)
    arrived = {number for _, name, number in reader.rows if name == "load"}
    known = {seq for _, seq in reader.known}
    assert set(reader.rows.values()) <= {1}
    assert arrived <= promised | tried
    assert len(promised - known) <= lost <= len((promised | tried) - arrived)
    assert spool.count == 0
    assert spool.size_bytes == 0


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("filled", [70, 2_000], ids=["thinning", "dropping"])
def test_a_cut_between_any_two_steps_loses_nothing_untold(tmp_path: Path, filled: int, *, is_after: bool) -> None:
    cuts, was_cut = 0, True
    while was_cut:
        cuts += 1
        folder = tmp_path / str(cuts)
        # Batches of which none can spare another are dropped soon; the others are thinned first.
        spool, promised = _open(folder), set()
        number = 0
        while spool.counters.get("thinned" if filled == 70 else "dropped") == 0:
            number += 1
            spool.append(_packed(number) if filled == 70 else _own(number))
            promised.add(number)
        tried, was_cut = {number + 1}, False
        try:
            with _cut_at(cuts, is_after=is_after):
                for _ in range(12):
                    number += 1
                    tried = {number}
                    spool.append(_packed(number) if filled == 70 else _own(number))
                    promised.add(number)
        except CutError:
            was_cut = True
        spool._log.close()
        _check(_open(folder), promised, tried)
        if cuts > 60 and filled == 70:
            break
    assert cuts > 20


def _own(number: int) -> Packed:
    tables: dict[str, dict[str, list[Cell]]] = {f"own{number}": {"ts": [number]}, "load": {"ts": [number]}}
    tables["load"]["text"] = [random.Random(number).randbytes(300).hex()]
    return pack_batch("web1", "boot", number, tables, 1_000 + number)


@given(st.integers(1, 12), st.data())
@settings(max_examples=60, deadline=None)
def test_a_spool_cut_or_flipped_at_any_byte_costs_one_batch_at_the_most(count: int, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "batches"
        spool = _open(folder, limit=2**17)
        for number in range(1, count + 1):
            spool.append(_packed(number, size=2500))
        spool._log.close()
        segment = data.draw(st.sampled_from(sorted(folder.glob("*.seg"))))
        content = bytearray(segment.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        is_cut = segment == max(folder.glob("*.seg")) and data.draw(st.booleans())
        if is_cut:
            segment.write_bytes(content[:place])
        else:
            content[place] ^= 1 << data.draw(st.integers(0, 7))
            segment.write_bytes(content)
        spool = _open(folder, limit=2**17)
        spool.append(_packed(99))
        reader = SpoolReader()
        _drain(spool, reader)
        arrived = {number for _, name, number in reader.rows if name == "load"}
        assert 99 in arrived
        assert arrived <= {99, *range(1, count + 1)}
        if not is_cut:
            assert len(arrived) >= count
        else:
            # What lay whole before the cut is there.
            whole = sum(end <= place for end in _ends(content))
            assert len(arrived - {99}) >= count - len(_ends(content)) + whole
        assert _lost(spool) <= 1 or is_cut
        spool.close()


def _ends(content: bytes | bytearray) -> list[int]:
    ends, offset = [], 16
    while offset < len(content):
        offset += 20 + int.from_bytes(content[offset + 4 : offset + 8], "little")
        ends.append(offset)
    return ends


def test_what_is_too_old_goes_whole_and_is_counted(tmp_path: Path) -> None:
    spool = _open(tmp_path, limit=2**18, age_limit_seconds=3_600)
    for number in range(1, 101):
        spool.append(_packed(number, at_ms=number))
    for number in range(1, 7):
        spool.append(_packed(200 + number, at_ms=number * STEP_MS))
    assert spool.count == 106
    spool.append(_packed(207, at_ms=7 * STEP_MS))
    gone = int(spool.counters.get("dropped"))
    assert gone > 40
    assert spool.count == 107 - gone
    for number in range(8, 60):
        spool.append(_packed(200 + number, at_ms=number * STEP_MS))
    assert spool.counters.get("dropped") >= 100
    assert _lost(spool) == spool.counters.get("dropped") == 159 - spool.count
    spool.close()


def test_a_loss_is_told_once_over_restarts(tmp_path: Path) -> None:
    spool = _open(tmp_path, limit=2**18, age_limit_seconds=300)
    for number in range(1, 5):
        spool.append(_packed(number, at_ms=number))
    spool.append(_packed(5, at_ms=STEP_MS))
    told = _report(spool)
    spool._log.close()
    # The agent died before it heard that the report had arrived, and more went meanwhile.
    spool = _open(tmp_path, age_limit_seconds=300)
    spool.append(_packed(6, at_ms=2 * STEP_MS))
    again = _report(spool)
    assert (told.boot, told.seq) == (again.boot, again.seq)
    assert told.tables["events"]["id"] == again.tables["events"]["id"]
    assert told.tables["events"]["attributes"] == [{"reason": "age", "batches": "4", "from_ms": "1", "until_ms": "4"}]
    spool.losses.forget_told()
    later = _report(spool)
    assert later.boot != told.boot
    assert later.tables["events"]["attributes"][0]["batches"] == "1"  # type: ignore[index]
    spool.losses.forget_told()
    assert spool.losses.report("web1", 8) is None
    spool.close()


def _report(spool: Spool) -> Batch:
    report = spool.losses.report("web1", 5)
    assert report is not None
    return opened(report)


def test_damage_is_told_with_its_time(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    for number in range(1, 6):
        spool.append(_packed(number))
    spool.close()
    [segment] = tmp_path.glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    spool = _open(tmp_path)
    [attributes] = _report(spool).tables["events"]["attributes"]
    assert attributes == {"reason": "damaged", "batches": "1", "from_ms": "1001", "until_ms": "1005"}
    spool.close()


def test_a_book_of_losses_that_does_not_read_back_is_as_none(tmp_path: Path) -> None:
    path = tmp_path / "losses"
    path.write_text("{")
    losses = Losses(path)
    losses.open()
    assert losses.is_empty
    losses.add(Reason.FULL, 3, (1, 2))
    again = Losses(path)
    again.open()
    assert not again.is_empty
