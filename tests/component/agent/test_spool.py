"""The spool on a real disk: order, bounds, damage, and what a kill leaves."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nagare.agent.batches import Packed
from nagare.agent.spool import Spool, set_aside
from nagare.errors import StorageError

LIMIT = 256 * 1024


def _packed(number: int, size: int = 300) -> Packed:
    body = f"{number}:".encode() + random.Random(number).randbytes(size)
    return Packed(f"web{number % 3}", "zstd", body)


def _number(packed: Packed) -> int:
    return int(packed.body.partition(b":")[0])


def _open(directory: Path, limit: int = LIMIT) -> Spool:
    spool = Spool(directory, limit_bytes=limit)
    spool.open()
    return spool


def _drain(spool: Spool) -> list[int]:
    numbers = []
    while waiting := spool.read():
        for one in waiting:
            expected = _packed(_number(one.packed), len(one.packed.body.partition(b":")[2]))
            assert (one.packed.host, one.packed.body) == (expected.host, expected.body)
            numbers.append(_number(one.packed))
            spool.acknowledge(one.index, one.packed.level)
    return numbers


def test_batches_leave_newest_first(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    for number in range(100):
        spool.append(_packed(number))
    assert spool.count == 100
    assert spool.size_bytes > 30_000
    assert _drain(spool) == list(range(99, -1, -1))
    assert (spool.count, spool.size_bytes, spool.read()) == (0, 0, [])
    spool.close()


def test_what_comes_while_the_backlog_leaves_goes_ahead_of_it(tmp_path: Path) -> None:
    spool = _open(tmp_path, limit=16 * 1024)
    for number in range(20):
        spool.append(_packed(number))
    first = spool.read()[0]
    spool.acknowledge(first.index)
    spool.append(_packed(20))
    assert _drain(spool) == [20, *range(18, -1, -1)]
    spool.close()


def test_what_was_acknowledged_does_not_return_after_a_clean_restart(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    indexes = [spool.append(_packed(number)) for number in range(10)]
    for number in (3, 1, 3, 9):
        spool.acknowledge(indexes[number])
    spool.close()
    spool = _open(tmp_path)
    assert spool.count == 7
    assert _drain(spool) == [8, 7, 6, 5, 4, 2, 0]
    spool.append(_packed(10))
    assert _drain(spool) == [10]
    spool.close()


def test_the_note_of_an_earlier_version_is_understood(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    for number in range(10):
        spool.append(_packed(number))
    spool.close()
    (tmp_path / "acknowledged").write_text("5")
    spool = _open(tmp_path)
    assert _drain(spool) == [9, 8, 7, 6, 5, 4]
    spool.close()


def test_the_numbers_go_on_when_the_newest_segment_left_first(tmp_path: Path) -> None:
    spool = _open(tmp_path, limit=32 * 1024)
    last = [spool.append(_packed(number)) for number in range(40)][-1]
    while (newest := spool.read()[0]).index > last // 2:
        spool.acknowledge(newest.index)
    # As a kill would leave it: without the note.
    spool._log.close()
    spool = _open(tmp_path, limit=32 * 1024)
    assert spool.append(_packed(99)) == last + 1
    assert _drain(spool)[0] == 99
    spool.close()


@pytest.mark.parametrize("note", ["5000", '{"1": [[1, 5000]]}', '{"1": "x"}'])
def test_a_note_that_outlived_its_log_hides_nothing(tmp_path: Path, note: str) -> None:
    (tmp_path / "acknowledged").write_text(note)
    spool = _open(tmp_path)
    spool.append(_packed(1))
    assert _drain(spool) == [1]
    spool.close()


@pytest.mark.parametrize("note", ["", "many", "-7"])
def test_a_damaged_note_repeats_rather_than_loses(tmp_path: Path, note: str) -> None:
    spool = _open(tmp_path)
    spool.append(_packed(1))
    spool.close()
    (tmp_path / "acknowledged").write_text(note)
    spool = _open(tmp_path)
    assert _drain(spool) == [1]
    spool.close()


def test_the_oldest_are_dropped_and_counted_when_the_room_is_used_up(tmp_path: Path) -> None:
    # Of what cannot be read nothing can be thinned.
    spool = _open(tmp_path, limit=64 * 1024)
    for number in range(400):
        spool.append(_packed(number))
        assert sum(path.stat().st_size for path in tmp_path.glob("*.seg")) <= 64 * 1024
    dropped = int(spool.counters.get("dropped"))
    assert dropped + spool.count == 400
    assert _drain(spool) == list(range(399, dropped - 1, -1))
    assert dropped < 350
    spool.close()


def test_a_batch_larger_than_a_segment_finds_room(tmp_path: Path) -> None:
    spool = _open(tmp_path, limit=64 * 1024)
    for number in range(5):
        spool.append(_packed(number, size=40_000))
    assert _drain(spool) == [4]
    assert spool.counters.get("dropped") == 4
    spool.close()


def test_a_batch_larger_than_the_whole_spool_is_still_kept(tmp_path: Path) -> None:
    spool = _open(tmp_path, limit=64 * 1024)
    spool.append(_packed(0))
    spool.append(_packed(1, size=100_000))
    spool.append(_packed(2))
    assert _drain(spool)[0] == 2
    spool.close()


def test_damage_costs_the_batches_it_hit_and_no_others(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    for number in range(50):
        spool.append(_packed(number))
    spool.close()
    [segment] = tmp_path.glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    spool = _open(tmp_path)
    left = _drain(spool)
    assert len(left) == 49
    assert spool.counters.get("damaged") == 1
    assert spool.count == 0
    spool.close()


def test_a_spool_of_nothing_but_damage_is_left_behind(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    spool.append(Packed("h", "identity", b"x"))
    spool.close()
    [segment] = tmp_path.glob("*.seg")
    # A lawful record of a log, but no batch.
    from nagare.lib.segment_log import SegmentLog

    with SegmentLog(tmp_path) as log:
        log.append([b"not a batch"] * 40)
        log.sync()
    spool = _open(tmp_path)
    assert [one.packed.body for one in spool.read()] == [b"x"]
    spool.acknowledge(1)
    assert spool.read() == []
    assert spool.count == 0
    assert spool.counters.get("damaged") == 40
    assert segment.exists() is False
    spool.close()


_CHILD = """
import sys
from pathlib import Path
from nagare.agent.batches import Packed
from nagare.agent.spool import Spool
spool = Spool(Path(sys.argv[1]), limit_bytes=2**28)
spool.open()
for number in range(int(sys.argv[2]), 10**9):
    spool.append(Packed("web1", "identity", b"%d:" % number + bytes(2000)))
    print(number, flush=True)
"""


def test_nothing_that_was_spooled_is_lost_by_a_kill(tmp_path: Path) -> None:
    told = 0
    for round_number in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(tmp_path), str(told)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(20 + round_number * 7):
            told = int(child.stdout.readline()) + 1
        child.kill()
        rest = child.stdout.read().split()
        child.stdout.close()
        child.wait()
        told = max([told, *(int(number) + 1 for number in rest)])
    spool = _open(tmp_path, limit=2**28)
    numbers = []
    while waiting := spool.read():
        for one in waiting:
            assert one.packed.body == b"%d:" % _number(one.packed) + bytes(2000)
            numbers.append(_number(one.packed))
            spool.acknowledge(one.index)
    spool.close()
    # A batch that was being written when the kill came may be there too, and then comes twice: once by each child.
    assert set(range(told)) <= set(numbers)
    assert numbers == sorted(numbers, reverse=True)


def test_what_is_set_aside_is_bounded(tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    for number in range(12):
        set_aside(aside, f"{number:03}", _packed(number))
    kept = sorted(path.name for path in aside.iterdir())
    assert len(kept) == 8
    assert kept[-1] == "011.batch"
    assert Packed.from_record((aside / "011.batch").read_bytes()) == _packed(11)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot set batch aside"):
        set_aside(tmp_path / "file", "x", _packed(1))


def test_a_place_that_cannot_hold_a_spool_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot open log"):
        _open(tmp_path / "file")


class SpoolMachine(RuleBasedStateMachine):
    """Whatever is done, a batch is waiting, acknowledged or counted as dropped; a crash may only repeat."""

    @initialize(limit=st.sampled_from([16 * 1024, LIMIT]))
    def begin(self, limit: int) -> None:
        import tempfile

        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name)
        self.limit = limit
        self.spool = _open(self.path, limit)
        self.next_number = 0
        self.waiting: list[int] = []
        # Delivered: a crash may bring some of them back.
        self.left: set[int] = set()

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
            self.directory.cleanup()

    @rule(size=st.integers(0, 3000))
    def append(self, size: int) -> None:
        before = int(self.spool.counters.get("dropped"))
        self.spool.append(_packed(self.next_number, size))
        dropped = int(self.spool.counters.get("dropped")) - before
        self.waiting = [*self.waiting[dropped:], self.next_number]
        self.next_number += 1

    @precondition(lambda self: self.waiting)
    @rule(share=st.floats(0, 1))
    def deliver(self, share: float) -> None:
        found = self.spool.read()
        numbers = [_number(one.packed) for one in found]
        assert numbers == self.waiting[: -len(numbers) - 1 : -1]
        assert numbers
        for one in found[: max(1, round(len(found) * share))]:
            self.spool.acknowledge(one.index, one.packed.level)
            self.left.add(self.waiting.pop())

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = _open(self.path, self.limit)

    @rule()
    def crash(self) -> None:
        # Its descriptors are closed by the kernel, nothing else happens.
        self.spool._log.close()
        self.spool = _open(self.path, self.limit)
        back = sorted(_number(one.packed) for shelf in self.spool._shelves for one in self.spool._batches(shelf))
        assert set(self.waiting) <= set(back) <= set(self.waiting) | self.left
        self.waiting = back

    @invariant()
    def counts_agree(self) -> None:
        if hasattr(self, "spool"):
            assert self.spool.count == len(self.waiting)


SpoolMachine.TestCase.settings = hypothesis_settings(max_examples=30, stateful_step_count=30, deadline=None)
TestSpoolMachine = SpoolMachine.TestCase
