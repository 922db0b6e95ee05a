import hashlib
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.agent.executor.journal import Entry, Journal, Step
from nagare.agent.executor.verify import LIFE_LIMIT_MS, SKEW_MS
from nagare.errors import OverloadedError
from nagare.model.command.result import CommandResult, Reason, StreamKept
from nagare.model.command.states import CommandState
from nagare.wire.codec import encode
from tests.support.commands import NOW_MS

KEPT = 2**20
DONE = CommandResult(
    CommandState.DONE, Reason.EXIT, exit_code=0, ended_ms=NOW_MS, stdout=StreamKept(b"hello\xff", b"", 6)
)
ID = str(uuid.uuid4())


def _entry(command_id: str = ID, step: Step = Step.RECEIVED, expires_ms: int = NOW_MS + 60_000) -> Entry:
    return Entry(command_id, step, NOW_MS, expires_ms, "ab" * 16, "disk.usage")


def _open(directory: Path, now_ms: int = NOW_MS, kept: int = KEPT) -> tuple[Journal, list[Entry]]:
    journal = Journal(directory, kept)
    return journal, journal.open(now_ms)


def test_a_command_goes_its_way_and_is_known_ever_after(tmp_path: Path) -> None:
    journal, _ = _open(tmp_path / "j")
    journal.receive(_entry())
    journal.begin(ID, NOW_MS)
    journal.end(ID, DONE, NOW_MS)
    again, ended = _open(tmp_path / "j")
    assert ended == []
    assert ID in again
    assert again.has_nonce("ab" * 16)
    assert again.unacknowledged() == [ID]
    assert again.load_result(ID) == DONE
    again.acknowledge(ID, NOW_MS)
    last, _ = _open(tmp_path / "j")
    assert ID in last
    assert last.unacknowledged() == []


def test_what_began_and_did_not_end_is_lost(tmp_path: Path) -> None:
    journal, _ = _open(tmp_path / "j")
    journal.receive(_entry())
    journal.begin(ID, NOW_MS)
    again, ended = _open(tmp_path / "j", NOW_MS + 5)
    assert [(entry.id, entry.result.state, entry.result.reason) for entry in ended if entry.result] == [
        (ID, CommandState.LOST, Reason.AGENT_DIED)
    ]
    assert again.unacknowledged() == [ID]
    assert again.load_result(ID).started_ms == NOW_MS


def test_what_did_not_begin_says_so(tmp_path: Path) -> None:
    journal, _ = _open(tmp_path / "j")
    journal.receive(_entry())
    again, _ = _open(tmp_path / "j")
    result = again.load_result(ID)
    assert (result.state, result.reason) == (CommandState.FAILED, Reason.NOT_STARTED)


@given(data=st.data(), step=st.sampled_from(list(Step)))
def test_a_journal_torn_at_any_byte_runs_nothing_again(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, step: Step
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    journal, _ = _open(directory)
    journal.receive(_entry())
    if step is not Step.RECEIVED:
        journal.begin(ID, NOW_MS)
    if step is Step.ENDED:
        journal.end(ID, DONE, NOW_MS)
    (path,) = directory.glob("*.command")
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[at:]
    else:
        content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    again, ended = _open(directory)
    assert ID in again
    assert [entry.id for entry in ended] == [ID]
    result = again.load_result(ID)
    assert (result.state, result.reason) == (CommandState.LOST, Reason.AGENT_DIED)
    # It stays known for as long as anything that is signed can hold.
    again.acknowledge(ID, NOW_MS)
    again.prune(NOW_MS + LIFE_LIMIT_MS)
    assert ID in again


@pytest.mark.parametrize("step", [Step.BEGUN, Step.ENDED])
def test_a_file_that_lost_its_last_step_alone_is_damaged_or_knows_the_one_before(tmp_path: Path, step: Step) -> None:
    journal, _ = _open(tmp_path / "j")
    journal.receive(_entry())
    (path,) = (tmp_path / "j").glob("*.command")
    known = [path.read_bytes().rstrip(b" ")]
    journal.begin(ID, NOW_MS)
    known.append(path.read_bytes().rstrip(b" "))
    if step is Step.ENDED:
        journal.end(ID, DONE, NOW_MS)
    assert path.read_bytes().startswith(known[-1]), "a step is written behind the others"
    # Cut where a record ends, to the byte.
    path.write_bytes(known[-1] if step is Step.ENDED else known[0])
    again, _ = _open(tmp_path / "j")
    assert again.load_result(ID).state is CommandState.LOST


def test_a_step_that_was_cut_short_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, _ = _open(tmp_path / "j")
    journal.receive(_entry())
    real = os.pwrite
    with monkeypatch.context() as patched:
        patched.setattr("os.pwrite", lambda file, content, at: real(file, content[:9], at) and _full())
        with pytest.raises(OSError, match="full"):
            journal.begin(ID, NOW_MS)
    journal.end(ID, DONE, NOW_MS)
    again, ended = _open(tmp_path / "j")
    assert (ended, again.load_result(ID)) == ([], DONE)


def _full() -> int:
    raise OSError("full")


def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    _open(tmp_path / "j")
    for step, state in ((Step.RECEIVED, CommandState.FAILED), (Step.BEGUN, CommandState.LOST), (Step.ENDED, None)):
        entry = _entry(str(uuid.uuid4()), step)
        content = encode(entry if state else replace(entry, result=DONE))
        path = tmp_path / "j" / f"{entry.id}.command"
        path.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        again, _ = _open(tmp_path / "j")
        assert again.load_result(entry.id).state is (state or CommandState.DONE)


def test_a_file_of_another_s_name_is_damage(tmp_path: Path) -> None:
    journal, _ = _open(tmp_path / "j")
    journal.receive(_entry())
    (path,) = (tmp_path / "j").glob("*.command")
    other = str(uuid.uuid4())
    path.rename(path.with_name(f"{other}.command"))
    again, ended = _open(tmp_path / "j")
    assert other in again
    assert [entry.id for entry in ended] == [other]


def test_it_is_forgotten_only_when_it_could_not_run_any_more(tmp_path: Path) -> None:
    journal, _ = _open(tmp_path / "j")
    journal.receive(_entry())
    journal.end(ID, DONE, NOW_MS)
    late = NOW_MS + 60_000 + 2 * SKEW_MS + 1
    journal.prune(late)
    assert ID in journal  # nobody acknowledged its result
    journal.acknowledge(ID, NOW_MS)
    assert ID in journal
    journal.prune(late)
    assert ID not in journal
    assert list((tmp_path / "j").glob("*.command")) == []


def test_a_clock_that_was_set_back_lets_nothing_run_twice(tmp_path: Path) -> None:
    journal, _ = _open(tmp_path / "j")
    journal.receive(_entry())
    journal.end(ID, DONE, NOW_MS)
    journal.acknowledge(ID, NOW_MS + 10**6)
    assert ID not in journal
    assert journal.may_be_forgotten(NOW_MS + 60_000)
    again, _ = _open(tmp_path / "j")
    assert again.may_be_forgotten(NOW_MS + 60_000)
    assert not again.may_be_forgotten(NOW_MS + 60_001)


def test_results_are_bounded_by_bytes_and_the_oldest_lose_their_output(tmp_path: Path) -> None:
    journal, _ = _open(tmp_path / "j", kept=50_000)
    big = CommandResult(CommandState.DONE, Reason.EXIT, stdout=StreamKept(b"x" * 20_000, b"", 20_000))
    ids = [str(uuid.uuid4()) for _ in range(4)]
    for number, command_id in enumerate(ids):
        journal.receive(_entry(command_id))
        journal.end(command_id, big, NOW_MS + number)
    journal.prune(NOW_MS + 10)
    results = [journal.load_result(command_id) for command_id in ids]
    assert [bool(result.stdout.head) for result in results] == [False, False, False, True]
    assert all(result.state is CommandState.DONE for result in results)
    assert results[0].stdout.dropped_bytes == 20_000
    assert sum(path.stat().st_size for path in (tmp_path / "j").glob("*.command")) <= 50_000


def test_a_result_that_nobody_fetches_is_dropped_in_the_end_and_counted(tmp_path: Path) -> None:
    journal, _ = _open(tmp_path / "j")
    journal.receive(_entry())
    journal.end(ID, DONE, NOW_MS)
    journal.prune(NOW_MS + 31 * 86_400_000)
    assert ID not in journal
    assert journal.counters.get("results_dropped") == 1


def test_a_full_journal_takes_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nagare.agent.executor.journal._ENTRY_LIMIT", 1)
    journal, _ = _open(tmp_path / "j")
    journal.receive(_entry())
    with pytest.raises(OverloadedError):
        journal.receive(_entry(str(uuid.uuid4())))


def test_a_write_that_was_cut_short_leaves_nothing_behind(tmp_path: Path) -> None:
    journal, _ = _open(tmp_path / "j")
    (tmp_path / "j" / f".{ID}.command.abc123").write_text("half")
    _open(tmp_path / "j")
    assert list((tmp_path / "j").iterdir()) == []
    assert ID not in journal
