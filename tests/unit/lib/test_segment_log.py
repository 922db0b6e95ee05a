"""The segment log: what was synchronised comes back, whatever is cut, flipped or full."""

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nagare.errors import LimitExceededError, StorageError
from nagare.lib import segment_file
from nagare.lib.segment_file import RECORD_MAGIC, read_segment
from nagare.lib.segment_log import SegmentLog, read_log

PAYLOADS = st.lists(st.one_of(st.binary(max_size=40), st.just(RECORD_MAGIC * 3)), min_size=1, max_size=8)


def _write(folder: Path, payloads: list[bytes], limit: int = 100) -> None:
    with SegmentLog(folder, segment_limit_bytes=limit) as log:
        for payload in payloads:
            log.append([payload])
        log.sync()


def _read(folder: Path) -> list[tuple[int, bytes]]:
    return list(read_log(folder, 1, []))


@given(PAYLOADS, st.integers(40, 400))
def test_what_was_written_comes_back_after_reopening(payloads: list[bytes], limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), payloads, limit)
        with SegmentLog(Path(folder), segment_limit_bytes=limit) as log:
            assert list(log.replay()) == list(enumerate(payloads, 1))
            assert log.next_index == len(payloads) + 1
            assert log.damages == []


@given(PAYLOADS, st.data())
def test_a_log_cut_at_any_byte_keeps_the_records_before_the_cut(payloads: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, payloads, limit=10_000)
        (segment,) = folder.glob("*.seg")
        content = segment.read_bytes()
        cut = data.draw(st.integers(0, len(content)))
        segment.write_bytes(content[:cut])
        ends = [16]
        for payload in payloads:
            ends.append(ends[-1] + 20 + len(payload))
        whole = sum(end <= cut for end in ends[1:])
        with SegmentLog(folder) as log:
            assert list(log.replay()) == list(enumerate(payloads[:whole], 1))
            assert log.append([b"next"]) == whole + 1
            log.sync()
        assert _read(folder)[-1] == (whole + 1, b"next")


@given(PAYLOADS, st.data())
@settings(max_examples=300)
def test_a_flipped_bit_costs_one_record_at_the_most(payloads: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, payloads, limit=120)
        segment = data.draw(st.sampled_from(sorted(folder.glob("*.seg"))))
        content = bytearray(segment.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        segment.write_bytes(content)
        expected = dict(enumerate(payloads, 1))
        found = dict(_read(folder))
        assert found.items() <= expected.items(), "nothing may be invented"
        assert len(found) >= len(expected) - 1
        # Opening to write must lose no more than reading did.
        with SegmentLog(folder) as log:
            assert dict(log.replay()) == found
            after = log.append([b"next"])
        assert after > max(found, default=0)


class LogModel(RuleBasedStateMachine):
    """A log that is appended to, synchronised, rotated, dropped, closed and killed, beside a plain dictionary."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.log = SegmentLog(self.path, segment_limit_bytes=150)
        self.log.open()
        self.synced: dict[int, bytes] = {}
        self.waiting: dict[int, bytes] = {}
        self.dropped = 0

    @rule(payloads=PAYLOADS)
    def append(self, payloads: list[bytes]) -> None:
        last = self.log.append(payloads)
        self.waiting.update(enumerate(payloads, last - len(payloads) + 1))

    @rule()
    def sync(self) -> None:
        self.log.sync()
        self.synced |= self.waiting
        self.waiting = {}

    @rule()
    def rotate(self) -> None:
        self.log.rotate()
        self.synced |= self.waiting
        self.waiting = {}

    @rule(step=st.integers(0, 5))
    def skip(self, step: int) -> None:
        self.sync()
        self.log.skip_to(self.log.next_index + step)

    @rule(share=st.floats(0, 1))
    def drop(self, share: float) -> None:
        self.sync()
        index = 1 + round(share * (self.log.next_index - 1))
        self.log.drop_before(index)
        self.dropped = max(self.dropped, index)

    @rule(keep=st.floats(0, 1))
    def kill_and_reopen(self, keep: float) -> None:
        # What was not synchronised may be lost from any byte on; what was, may not.
        path, size, floor = self.path, self.log.size_bytes, 0
        self.log.close()
        last = max(path.glob("*.seg"), default=None)
        if last is not None and self.waiting:
            size = last.stat().st_size
            held = {index for index, _ in read_segment(last, [])}
            floor = size - sum(20 + len(self.waiting[index]) for index in held if index in self.waiting)
            os.truncate(last, floor + round(keep * (size - floor)))
        self.log = SegmentLog(path, segment_limit_bytes=150)
        self.log.open()
        survivors = {index for index, _ in self.log.replay()}
        self.synced |= {index: payload for index, payload in self.waiting.items() if index in survivors}
        self.waiting = {}

    @invariant()
    def nothing_synchronised_is_missing(self) -> None:
        if not hasattr(self, "log"):
            return
        found = dict(self.log.replay())
        known = self.synced | self.waiting
        assert {index: known[index] for index in found} == found
        assert {index for index in known if index >= self.dropped} <= set(found)
        assert self.log.next_index > max(found, default=0)

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.log.close()
            self.folder.cleanup()


LogModel.TestCase.settings = settings(max_examples=40, stateful_step_count=20)
test_log_against_a_model = LogModel.TestCase


def test_dropping_everything_keeps_the_numbering(tmp_path: Path) -> None:
    _write(tmp_path, [b"a", b"b", b"c"])
    with SegmentLog(tmp_path) as log:
        log.rotate()
        log.drop_before(4)
        assert list(log.replay()) == []
    with SegmentLog(tmp_path) as log:
        assert log.append([b"d"]) == 4


def test_a_repeated_index_is_read_from_the_later_segment(tmp_path: Path) -> None:
    _write(tmp_path, [b"a", b"lost"], limit=10_000)
    with SegmentLog(tmp_path, segment_limit_bytes=10_000) as log:
        log.rotate()
        log.skip_to(3)
        log.append([b"c"])
        log.sync()
    # As after a failed sync whose truncation failed too: both segments hold index 2.
    (tmp_path / f"{3:016d}.seg").rename(tmp_path / f"{2:016d}.seg")
    segment = tmp_path / f"{2:016d}.seg"
    segment.unlink()
    other = tmp_path / "other"
    with SegmentLog(other) as log:
        log.skip_to(2)
        log.append([b"b"])
        log.sync()
    (other / f"{2:016d}.seg").rename(segment)
    assert _read(tmp_path) == [(1, b"a"), (2, b"b")]


def test_a_failed_sync_takes_back_what_it_was_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SegmentLog(tmp_path) as log:
        log.append([b"a"])
        log.sync()
        log.append([b"b"])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", _failing(errno.EIO))
            with pytest.raises(StorageError, match="cannot sync log"):
                log.sync()
        assert log.append([b"c"]) == 2
        log.sync()
    assert _read(tmp_path) == [(1, b"a"), (2, b"c")]


def _failing(number: int) -> Callable[[int], None]:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_record_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nagare.lib.segment_log.RECORD_LIMIT_BYTES", 10)
    with SegmentLog(tmp_path) as log, pytest.raises(LimitExceededError):
        log.append([b"x" * 11])


def test_a_place_that_is_no_directory_is_a_storage_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(StorageError):
        SegmentLog(file / "log").open()


FILLER = """
import resource, sys
from pathlib import Path
from nagare.errors import DiskFullError
from nagare.lib.segment_log import SegmentLog
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with SegmentLog(Path(sys.argv[1])) as log:
    log.append([b"before"]); log.sync()
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    try:
        log.append([b"x" * 3000, b"y" * 3000])
    except DiskFullError as error:
        print(error.message)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    log.append([b"after"]); log.sync()
"""


def test_a_full_disk_takes_back_the_write_and_goes_on(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FILLER, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "no space left" in done.stdout, done.stderr
    assert _read(tmp_path) == [(1, b"before"), (2, b"after")]


def test_damage_in_the_last_record_is_told_and_its_bytes_are_kept(tmp_path: Path) -> None:
    _write(tmp_path, [b"a", b"acknowledged"], limit=10_000)
    segment = tmp_path / f"{1:016d}.seg"
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    for after in (b"c", b"d"):
        with SegmentLog(tmp_path) as log:
            log.append([after])
            log.sync()
            assert [payload for _, payload in log.replay()][:2] == [b"a", b"c"]
            assert [(damage.segment, damage.offset) for damage in log.damages] == [(segment, 37)]
            assert segment.read_bytes() == content
    with SegmentLog(tmp_path) as log:
        assert len(list(log.replay())) == 3
        log.rotate()
        log.drop_before(log.next_index)
    assert (tmp_path / f"{segment.name}.aside").read_bytes() == content
    assert _read(tmp_path) == []


def test_a_segment_of_which_nothing_reads_back_is_set_aside(tmp_path: Path) -> None:
    _write(tmp_path, [b"acknowledged"])
    segment = tmp_path / f"{1:016d}.seg"
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    with SegmentLog(tmp_path) as log:
        assert len(log.damages) == 1
        assert log.append([b"next"]) == 1
        log.sync()
    assert _read(tmp_path) == [(1, b"next")]
    assert (tmp_path / f"{segment.name}.aside").read_bytes() == content


def test_only_the_newest_damaged_segments_are_kept(tmp_path: Path) -> None:
    for number in range(segment_file.ASIDE_LIMIT + 3):
        with SegmentLog(tmp_path) as log:
            log.skip_to(10 * number + 1)
            log.append([b"x"])
            log.sync()
        newest = max(tmp_path.glob("*.seg"))
        newest.write_bytes(newest.read_bytes()[:-1])
        with SegmentLog(tmp_path):
            pass
    assert len(list(tmp_path.glob("*.aside"))) == segment_file.ASIDE_LIMIT
    assert min(tmp_path.glob("*.aside")).name.startswith(f"{31:016d}")


def test_what_a_full_disk_left_behind_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite

    def half(descriptor: int, content: bytes, offset: int) -> int:
        # Whole records come through and then the disk is full, and even taking them back fails.
        write(descriptor, content, offset)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with SegmentLog(tmp_path) as log:
        log.append([b"a"])
        log.sync()
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", half)
            patch.setattr(os, "ftruncate", _failing_truncate)
            with pytest.raises(StorageError):
                log.append([b"refused", b"refused too"])
        assert log.append([b"b"]) == 2
        log.sync()
    assert _read(tmp_path) == [(1, b"a"), (2, b"b")]


def _failing_truncate(descriptor: int, size: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))
