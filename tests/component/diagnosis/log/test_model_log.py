"""What was said to models is kept in the records, found again, and forgotten."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from nagare.diagnosis.log.service import ModelLog
from nagare.diagnosis.models.exchange import Exchange, Outcome
from nagare.diagnosis.models.provider import Tokens
from nagare.errors import NotFoundError
from nagare.lib.clock import ManualClock
from nagare.records.engine import Records

DAY = 86_400.0
FIRST = Exchange("metrics", "small-1", 1_000, "what is wrong?\x00\ud800")
ANSWERED = replace(FIRST, answer="the disk", tokens=Tokens(100, 20), cost=0.016, seconds=1.5, outcome=Outcome.ANSWERED)


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with Records(tmp_path / "records.db") as records:
        yield records


@pytest.fixture
def log(records: Records) -> ModelLog:
    return ModelLog(records, ManualClock(), 30 * DAY)


async def test_an_exchange_is_kept_before_it_ends_and_after(log: ModelLog) -> None:
    of = log.of("d1", "anna")
    id_ = await of.began(FIRST)
    sent = await log.get(id_)
    assert (sent.exchange.outcome, sent.exchange.prompt) == (Outcome.SENT, "what is wrong?␀?")
    await of.ended(id_, ANSWERED)
    await log.judge("d1", "1 finding stands, 2 claims were struck out")
    kept = await log.get(id_)
    assert kept.exchange == replace(ANSWERED, prompt="what is wrong?␀?")
    assert (kept.diagnosis_id, kept.asked_by) == ("d1", "anna")
    assert kept.verdict == "1 finding stands, 2 claims were struck out"


async def test_lists_are_newest_first_in_pages_and_hold_no_texts(log: ModelLog) -> None:
    for number in range(5):
        await log.of(f"d{number % 2}", "anna").began(replace(FIRST, at_ms=number))
    found = await log.newest(None, 3)
    assert [one.exchange.at_ms for one in found] == [4, 3, 2]
    assert {one.exchange.prompt for one in found} == {""}
    rest = await log.newest((found[-1].exchange.at_ms, found[-1].id), 3)
    assert [one.exchange.at_ms for one in rest] == [1, 0]
    assert [one.exchange.at_ms for one in await log.newest(None, 9, "d1")] == [3, 1]


async def test_what_is_removed_is_gone(log: ModelLog) -> None:
    ids = [await log.of("d1", "anna").began(FIRST) for _ in range(3)]
    await log.remove(ids[0])
    with pytest.raises(NotFoundError):
        await log.get(ids[0])
    with pytest.raises(NotFoundError):
        await log.remove(ids[0])
    assert await log.remove_all("d1") == 2
    assert await log.newest(None, 9) == []


async def test_what_is_old_is_forgotten(records: Records) -> None:
    clock = ManualClock()
    log = ModelLog(records, clock, DAY)
    now_ms = clock.now_ms()
    for age_seconds in (0.5 * DAY, 1.5 * DAY, 3 * DAY):
        await log.of("d1", "anna").began(replace(FIRST, at_ms=now_ms - round(age_seconds * 1000)))
    assert await log.tidy() == 2
    assert len(await log.newest(None, 9)) == 1
