"""The store of jobs on both databases: what is kept, and that of two who change one thing one wins."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import combinations_with_replacement
from pathlib import Path

import pytest

from nagare.audit.store import AuditStore, Pending
from nagare.audit.wanted import Wanted
from nagare.commands.rules import WAITING, state_of
from nagare.commands.store import CommandStore, Ending, Kept
from nagare.config.settings import RecordsSettings
from nagare.errors import ConflictError
from nagare.model.command.action import Risk
from nagare.model.command.approval import Approval
from nagare.model.command.job import JOB_STATES, Job, JobsWanted, Pace
from nagare.model.command.result import CommandResult, Reason, StreamKept
from nagare.model.command.states import CommandState
from nagare.model.deed import Deed, Outcome
from nagare.records.engine import Records
from tests.support.command_jobs import ANN, BEN, NOW_MS, commands_of, job_of

S = CommandState
RESULT = CommandResult(
    S.DONE,
    Reason.EXIT,
    exit_code=0,
    started_ms=NOW_MS,
    ended_ms=NOW_MS + 5,
    holds=("no-new-privileges",),
    stdout=StreamKept(b"\x00\xff\x1b[2J", b"tail", 1000, 900),
)


@pytest.fixture
async def records(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[Records]:
    async with Records(tmp_path / "records.db", migrated) as opened:
        yield opened


@pytest.fixture
def store(records: Records) -> CommandStore:
    return CommandStore(records)


async def _added(store: CommandStore, job: Job, *states: CommandState) -> Kept:
    kept = Kept(job, commands_of(job, *states))
    await store.add(kept)
    return kept


async def test_a_job_reads_back_as_it_was_written(store: CommandStore) -> None:
    job = job_of(secrets=("token",), pace=Pace(1, 2, 3), why="ümlaut", break_glass="fire", approver=BEN)
    kept = await _added(store, job, S.APPROVED, S.PENDING)
    assert await store.find(job.id) == kept
    assert await store.find("x") is None
    assert await store.find_command(kept.commands[1].id) == kept.commands[1]
    assert await store.find_command("x") is None


async def test_a_job_and_its_entry_of_the_audit_log_are_there_both_or_neither(
    records: Records, store: CommandStore
) -> None:
    job = job_of()
    deed = Deed("commands.run", Outcome.DONE, "ann", target=job.action)
    await store.add(Kept(job, commands_of(job, S.APPROVED)), Pending(NOW_MS, deed))
    with pytest.raises(ConflictError):
        await store.add(Kept(job, commands_of(job, S.APPROVED)), Pending(NOW_MS, replace(deed, actor="ben")))
    entries = await AuditStore(records).find(Wanted())
    assert [json.loads(entry.line)["actor"] for entry in entries] == ["ann"]


async def test_of_two_changes_one_wins(store: CommandStore) -> None:
    kept = await _added(store, job_of(), S.QUEUED)
    command = kept.commands[0]
    moves = [store.move(command, state, changed_ms=NOW_MS + 1) for state in (S.SENT, S.CANCELLED, S.EXPIRED)]
    winners = [moved for moved in await asyncio.gather(*moves) if moved is not None]
    assert len(winners) == 1
    found = await store.find_command(command.id)
    assert found == winners[0]
    assert found.revision == 1
    # A copy from before does not win later either, though the state is the same again.
    back = await store.move(found, S.QUEUED, changed_ms=NOW_MS + 2)
    assert back is not None
    assert await store.move(command, S.SENT, changed_ms=NOW_MS + 3) is None


async def test_a_result_is_kept_once_and_its_output_apart(store: CommandStore) -> None:
    kept = await _added(store, job_of(), S.STARTED)
    command = kept.commands[0]
    ended = await store.end(command, S.DONE, RESULT, NOW_MS + 9)
    assert ended is not None
    assert ended.result == replace(RESULT, stdout=StreamKept())
    assert await store.find_command(command.id) == ended
    assert await store.end(command, S.FAILED, RESULT, NOW_MS + 10) is None
    assert await store.load_streams(kept.job.id) == {command.id: (RESULT.stdout, StreamKept())}


async def test_jobs_age_by_their_last_end_and_lost_ones_later(store: CommandStore) -> None:
    old = {"made_ms": NOW_MS - 10}
    ended = await _added(store, job_of(**old), S.DONE, S.FAILED)
    lost = await _added(store, job_of(**old), S.DONE, S.LOST)
    await _added(store, job_of(**old), S.DONE, S.STARTED)
    assert await store.find_aged(NOW_MS + 1, NOW_MS, 10) == [ended.job.id]
    assert set(await store.find_aged(NOW_MS + 1, NOW_MS + 1, 10)) == {ended.job.id, lost.job.id}
    assert await store.find_aged(NOW_MS, NOW_MS, 10) == []
    assert await store.find_crowd_ms(5) == NOW_MS - 10
    assert await store.find_crowd_ms(6) == 0


async def test_a_job_that_changed_since_it_was_read_does_not_go(store: CommandStore) -> None:
    lost, ended = await _added(store, job_of(), S.LOST), await _added(store, job_of(), S.DONE)
    back = await store.end(lost.commands[0], S.DONE, RESULT, NOW_MS + 1)
    assert await store.forget_moved([lost, ended]) == 1
    assert await store.find_command(lost.commands[0].id) == back
    assert await store.load_heads([lost.commands[0].id]) != {}
    assert (await store.find(ended.job.id), await store.find_moved(ended.job.id)) == (None, NOW_MS)
    assert (await store.find_moved(lost.job.id), await store.find_moved("x")) == (None, None)


async def test_approval_happens_once(store: CommandStore) -> None:
    job = job_of(risk=Risk.SECOND_PERSON, approval=None)
    await _added(store, job, S.PENDING, S.PENDING)
    tries = [
        store.approve(job, person, NOW_MS + 1000, NOW_MS) for person in (BEN, replace(BEN, id="u-eve", name="eve"))
    ]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["ConflictError", "Kept"]
    found = await store.find(job.id)
    assert found is not None
    assert (found.job.approval, found.job.expires_ms) == (Approval.SECOND_PERSON, NOW_MS + 1000)
    assert {command.state for command in found.commands} == {S.APPROVED}


async def test_approval_comes_too_late_for_what_ended(store: CommandStore) -> None:
    job = job_of(risk=Risk.SECOND_PERSON, approval=None)
    await _added(store, job, S.PENDING)
    await store.settle(job.id, WAITING, Ending(S.EXPIRED, "expired", "too late"), NOW_MS)
    with pytest.raises(ConflictError):
        await store.approve(job, BEN, NOW_MS, NOW_MS)
    found = await store.find(job.id)
    assert found is not None
    assert (found.job.approval, found.commands[0].state) == (None, S.EXPIRED), "neither half of it is kept"


async def test_settling_touches_what_waits_alone(store: CommandStore) -> None:
    kept = await _added(store, job_of(), S.DONE, S.STARTED, S.QUEUED, S.APPROVED)
    ending = Ending(S.CANCELLED, "job-stopped", "the job stopped")
    settled = await store.settle(kept.job.id, WAITING, ending, NOW_MS + 1, stopped="two failed")
    assert [command.state for command in settled.commands] == [S.DONE, S.STARTED, S.CANCELLED, S.CANCELLED]
    assert [command.revision for command in settled.commands] == [0, 0, 1, 1]
    assert settled.job.stopped == "two failed"
    assert settled == await store.find(kept.job.id)


async def test_open_jobs_are_read_and_others_are_not(store: CommandStore) -> None:
    first = await _added(store, job_of(), S.DONE, S.SENT)
    await _added(store, job_of(), S.DONE, S.LOST)
    third = await _added(store, job_of(made_ms=NOW_MS - 1), S.PENDING)
    assert await store.load_open() == [third, first]


async def test_the_state_of_a_job_is_the_same_to_the_database(store: CommandStore) -> None:
    expected: dict[str, set[str]] = {state: set() for state in JOB_STATES}
    for approval in (None, Approval.NONE):
        for states in combinations_with_replacement(S, 2):
            job = job_of(approval=approval)
            await _added(store, job, *states)
            expected[state_of(job, states)].add(job.id)
    for state, ids in expected.items():
        assert {job.id for job in await store.page(1000, wanted=JobsWanted(state))} == ids, state


async def test_pages_of_jobs(store: CommandStore) -> None:
    jobs = [job_of(made_ms=NOW_MS + number // 2) for number in range(5)]
    for job in jobs:
        await _added(store, job, S.DONE, S.FAILED)
    seen: list[str] = []
    while page := await store.page(2, await store.find_place(seen[-1]) if seen else None):
        seen += [job.id for job in page]
    assert sorted(seen) == sorted(job.id for job in jobs)
    by_id = {job.id: job for job in jobs}
    made = [by_id[job_id].made_ms for job_id in seen]
    assert made == sorted(made, reverse=True)
    assert await store.find_place("unknown") is None
    assert await store.states(seen, None) == {job_id: {"done": 1, "failed": 1} for job_id in seen}
    assert await store.states(seen[:1], {"h0"}) == {seen[0]: {"done": 1}}
    assert await store.states(seen[:1], set()) == {seen[0]: {}}
    assert len(await store.newest(3)) == 3
    assert (await store.newest(100))[0][0].requester == ANN
