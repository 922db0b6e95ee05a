"""The spool on a disk that refuses, under a clock that jumps, and while what it holds is on its way."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from nagare.agent import spool as spool_module
from nagare.agent.batches import Packed, pack_batch
from nagare.agent.losses import TOUCH_MS, Losses, Reason, Span
from nagare.agent.spool import Spool
from nagare.errors import StorageError
from tests.support.spool_reader import opened

LIMIT = 2**16
HOUR_MS = 3_600_000


def _packed(number: int, at_ms: int = 0) -> Packed:
    tables: dict[str, Any] = {"load": {"ts": [number], "text": [os.urandom(1_500).hex()]}}
    tables["events"] = {"ts": [number], "id": [f"e{number}"], "kind": ["x"]}
    return pack_batch("web1", "boot", number, tables, at_ms or 1_000 * number)


def _open(folder: Path, *, limit: int = LIMIT, age_limit_seconds: float = 1e9) -> Spool:
    spool = Spool(folder, limit_bytes=limit, age_limit_seconds=age_limit_seconds)
    spool.open()
    return spool


def _drain(spool: Spool) -> int:
    total = 0
    while waiting := spool.read():
        for one in waiting:
            spool.acknowledge(one.index, one.packed.level)
            total += 1
    return total


def _told(losses: Losses) -> list[tuple[str, int, int, int]]:
    report = losses.report("web1", 1)
    rows: list[Any] = [] if report is None else opened(report).tables["events"]["attributes"]
    return sorted((row["reason"], int(row["batches"]), int(row["from_ms"]), int(row["until_ms"])) for row in rows)


@contextmanager
def _full_disk() -> Iterator[None]:
    """Take no new byte: what frees room and what renames still works."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", refuse)
        patch.setattr(os, "fsync", refuse)
        yield


@contextmanager
def _unreadable(segment: Path) -> Iterator[None]:
    read, begin = Path.read_bytes, Path.open

    def read_bytes(path: Path) -> bytes:
        if path == segment:
            raise OSError(errno.EIO, "Input/output error")
        return read(path)

    def open_(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if path == segment and mode == "rb":
            raise OSError(errno.EIO, "Input/output error")
        return begin(path, mode, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_bytes", read_bytes)
        patch.setattr(Path, "open", open_)
        yield


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.seg"))


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_clock_far_ahead_for_one_batch_drops_nothing(tmp_path: Path, *, is_restarted: bool) -> None:
    spool = _open(tmp_path, limit=2**20, age_limit_seconds=7 * 86_400)
    now_ms = 1_790_000_000_000
    for number in range(1, 31):
        spool.append(_packed(number, now_ms + 5_000 * number))
    if is_restarted:
        spool.close()
        spool = _open(tmp_path, limit=2**20, age_limit_seconds=7 * 86_400)
    spool.append(_packed(31, now_ms + 720 * HOUR_MS))
    spool.append(_packed(32, now_ms + 160_000))
    assert (spool.count, spool.counters.get("dropped")) == (32, 0)
    spool.close()


def test_a_clock_that_stays_ahead_is_believed_in_the_end(tmp_path: Path) -> None:
    spool = _open(tmp_path, age_limit_seconds=3_600)
    numbers = count(1)
    while len(spool._shelves) < 3:
        spool.append(_packed(next(numbers)))
    steps = 0
    while spool.counters.get("dropped") == 0:
        spool.append(_packed(next(numbers), 100 * HOUR_MS))
        steps += 1
    assert 6 <= steps <= 8
    spool.close()


@pytest.mark.parametrize("place", [0, -1], ids=["oldest", "open"])
def test_a_segment_that_the_disk_cannot_read_is_counted_and_left_behind(tmp_path: Path, place: int) -> None:
    spool = _open(tmp_path)
    for number in range(1, 16):
        spool.append(_packed(number))
    spool.close()
    bad = _segments(tmp_path)[place]
    with _unreadable(bad):
        spool = _open(tmp_path)
        for number in range(16, 60):
            spool.append(_packed(number))
        assert _drain(spool) > 0
        told = [row for row in _told(spool.losses) if row[0] == "damaged"]
        assert sum(row[1] for row in told) == spool.counters.get("damaged") >= 1
        assert not bad.exists()
        assert bad.with_name(bad.name + ".aside") in tmp_path.iterdir()
        spool.close()


def test_an_index_does_not_come_twice_after_the_last_segment_was_unreadable(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    last = [spool.append(_packed(number)) for number in range(1, 4)][-1]
    spool.close()
    with _unreadable(_segments(tmp_path)[-1]):
        spool = _open(tmp_path)
        assert spool.append(_packed(4)) > last
        assert _drain(spool) == 1
        spool.close()


def test_what_cannot_be_read_for_another_reason_stays(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    for number in range(1, 4):
        spool.append(_packed(number))
    with pytest.MonkeyPatch.context() as patch:

        def refuse(path: Path) -> bytes:
            raise OSError(errno.EMFILE, f"Too many open files: {path}")

        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(StorageError, match="cannot read segment"):
            spool.read()
    assert _drain(spool) == 3
    spool.close()


def test_the_last_segment_gives_its_room_back_on_a_full_disk(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    last = [spool.append(_packed(number)) for number in range(1, 4)][-1]
    waiting = spool.read()
    for one in waiting[:-1]:
        spool.acknowledge(one.index)
    with _full_disk():
        spool.acknowledge(waiting[-1].index)
        assert (spool.count, spool.read()) == (0, [])
        assert [path.stat().st_size for path in _segments(tmp_path)] == [16]
    spool._log.close()
    spool = _open(tmp_path)
    assert spool.append(_packed(4)) == last + 1
    assert _drain(spool) == 1
    spool.close()


def test_a_segment_that_did_not_go_goes_later(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    for number in range(1, 8):
        spool.append(_packed(number))
    first = _segments(tmp_path)[0]
    with pytest.MonkeyPatch.context() as patch:

        def refuse(path: Path, **_: object) -> None:
            raise OSError(errno.EIO, f"Input/output error: {path}")

        patch.setattr(Path, "unlink", refuse)
        assert _drain(spool) == 7
        assert first.exists()
    assert spool.read() == []
    assert not first.exists()
    assert [path.stat().st_size for path in _segments(tmp_path)] == [16]
    spool.close()


def test_a_drop_on_a_full_disk_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "_least_missed", lambda _: None)
    spool = _open(tmp_path)
    numbers = count(1)
    while len(spool._shelves) < 3:
        spool.append(_packed(next(numbers)))
    held = spool._waiting(spool._shelves[0])
    shelf = spool._shelves[0]
    with _full_disk():
        spool._drop(shelf, Reason.FULL, keeps_events=True)
    assert shelf not in spool._shelves
    assert spool.counters.get("dropped") == held
    assert sum(row[1] for row in _told(spool.losses)) == held
    spool.close()


def test_a_drop_that_was_cut_off_is_finished_on_a_full_disk(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    numbers = count(1)
    while len(spool._shelves) < 3:
        spool.append(_packed(next(numbers)))
    shelf, waits = spool._shelves[0], spool.count
    held = spool._waiting(shelf)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Spool, "_let_go", lambda *_, **__: None)
        spool._drop(shelf, Reason.FULL, keeps_events=True)
    spool._log.close()
    with _full_disk():
        spool = _open(tmp_path)
    assert spool.count == waits - held
    spool.close()


def test_an_answer_for_a_batch_that_was_thinned_meanwhile_takes_out_nothing(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    numbers = count(1)
    for _ in range(2):
        spool.append(_packed(next(numbers)))
    on_its_way = spool.read()[-1]
    while spool.counters.get("thinned") == 0:
        spool.append(_packed(next(numbers)))
    before = spool.count
    spool.acknowledge(on_its_way.index, on_its_way.packed.level)
    assert spool.count == before
    assert _drain(spool) == before
    spool.close()


def test_losses_are_joined_only_where_they_touch(tmp_path: Path) -> None:
    losses = Losses(tmp_path / "losses")
    losses.note(Reason.FULL, [Span(3, 31 * HOUR_MS, 32 * HOUR_MS), Span(10, HOUR_MS, 2 * HOUR_MS)])
    losses.add(Reason.FULL, 5, (2 * HOUR_MS + TOUCH_MS, 9 * HOUR_MS))
    losses.add(Reason.AGE, 7, (2 * HOUR_MS, 3 * HOUR_MS))
    assert _told(losses) == [
        ("age", 7, 2 * HOUR_MS, 3 * HOUR_MS),
        ("full", 3, 31 * HOUR_MS, 32 * HOUR_MS),
        ("full", 15, HOUR_MS, 9 * HOUR_MS),
    ]


def test_losses_are_bounded_and_then_the_nearest_are_joined(tmp_path: Path) -> None:
    losses = Losses(tmp_path / "losses")
    for number in range(1, 101):
        losses.add(Reason.FULL, 1, (number**2 * HOUR_MS, number**2 * HOUR_MS))
    told = _told(losses)
    assert len(told) == 16
    assert sum(row[1] for row in told) == 100
    # Those that lay the furthest apart are as they were.
    assert ("full", 1, 10_000 * HOUR_MS, 10_000 * HOUR_MS) in told


def test_a_time_without_batches_in_a_dropped_segment_is_not_told_as_dropped(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    spool.append(_packed(1, HOUR_MS))
    spool.append(_packed(2, 20 * HOUR_MS))
    spool._drop(spool._shelves[0], Reason.FULL, keeps_events=False)
    assert _told(spool.losses) == [
        ("full", 1, HOUR_MS, HOUR_MS),
        ("full", 1, 20 * HOUR_MS, 20 * HOUR_MS),
    ]
    spool.close()


def test_a_loss_that_the_disk_did_not_take_is_saved_later(tmp_path: Path) -> None:
    losses = Losses(tmp_path / "losses")
    with _full_disk():
        losses.add(Reason.FULL, 3, (1, 2))
    losses.save()
    again = Losses(tmp_path / "losses")
    again.open()
    assert _told(again) == [("full", 3, 1, 2)]


def test_a_loss_that_may_have_been_told_grows_no_more(tmp_path: Path) -> None:
    losses = Losses(tmp_path / "losses")
    losses.add(Reason.FULL, 3, (1, 2))
    with _full_disk():
        first = losses.report("web1", 1)
    again = Losses(tmp_path / "losses")
    again.open()
    again.add(Reason.FULL, 4, (2, 3))
    second = again.report("web1", 1)
    assert first is not None
    assert second is not None
    assert (opened(first).boot, opened(first).tables) == (opened(second).boot, opened(second).tables)
    again.forget_told()
    assert _told(again) == [("full", 4, 2, 3)]
