"""The room of diagnoses under stress: what was not looked at, turns that run out, and what is kept."""

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from nagare.diagnosis.evidence.asking import Asker, Query
from nagare.diagnosis.evidence.window import Window
from nagare.diagnosis.question import Question
from nagare.diagnosis.store import DiagnosisStore, Kept
from nagare.errors import OverloadedError
from nagare.model.diagnosis.diagnosis import Scope
from nagare.wire.sql import SqlReply, SqlRequest
from tests.support.clinic import HOUR_MS, clinic

FULL = {"disk": {"mount": "/var", "used_ratio": [0.99] * 240, "available_bytes": [2**20] * 240}}
ONSET = "max(at_ms) FILTER"


def failing(query: Query, *words: str) -> Query:
    """Refuse every statement that has one of ``words``."""

    async def refuse(request: SqlRequest) -> SqlReply:
        if any(word in request.sql for word in words):
            raise OverloadedError("cannot run query: 66 run or wait already")
        return await query(request)

    return refuse


async def test_all_is_well_only_where_all_was_looked_at(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await room.tell()
        asker, inside, most = room.asker(), 0, 0

        async def counted(request: SqlRequest) -> SqlReply:
            nonlocal inside, most
            inside, most = inside + 1, max(most, inside + 1)
            try:
                return await asker.query(request)
            finally:
                inside -= 1

        assert (await room.diagnose(asker=replace(asker, query=counted))).verdict == "OK"
        # The queue of the store is there for others too.
        assert most == 4
        made = await room.diagnose(asker=replace(asker, query=failing(asker.query, "FROM smart")))
        assert (made.verdict, made.severity) == ("UNKNOWN", None)
        assert "drives could not be looked at" in made.summary

        async def cut(request: SqlRequest) -> SqlReply:
            reply = await asker.query(request)
            return msgspec.structs.replace(reply, truncated="FROM unit" in request.sql)

        made = await room.diagnose(asker=replace(asker, query=cut))
        assert made.verdict == "UNKNOWN"
        assert "units were too many: only a part was looked at" in made.notes
        # What was seen to be bad is bad, whatever else was not seen.
        await room.tell("db1", FULL)
        made = await room.diagnose(asker=replace(asker, query=failing(asker.query, "FROM smart", ONSET)))
        assert (made.verdict, made.findings[0].cause) == ("CRITICAL", "disk.full")


async def test_who_asks_a_model_takes_no_turn_of_the_rules(tmp_path: Path) -> None:
    model = {"provider": "openai", "model": "small-1", "endpoint": "http://127.0.0.1:1/v1"}
    async with clinic(tmp_path, waiting_limit=1, concurrency=1, **model) as room:
        asker, reached, go_on = room.asker(), asyncio.Event(), asyncio.Event()

        async def held(request: SqlRequest) -> SqlReply:
            reached.set()
            await go_on.wait()
            return await asker.query(request)

        now_ms = room.clock.now_ms()
        slow = Question(Scope(), Window(now_ms - HOUR_MS, now_ms), replace(asker, query=held), "dora", by_model=True)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(room.diagnoses.diagnose(slow))
            await reached.wait()
            with pytest.raises(OverloadedError):
                await room.diagnoses.diagnose(slow)
            # Both are let in, and wait for nothing but the queries.
            shown = group.create_task(room.diagnoses.preview(replace(slow, asker=Asker(_nothing))))
            rules = group.create_task(room.diagnose(asker=Asker(_nothing)))
            go_on.set()
            assert (await rules).verdict == "UNKNOWN"
            assert await shown


async def test_the_newest_are_kept(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        view = await room.diagnose()
        store = DiagnosisStore(room.records, most=2)
        for number in range(1, 4):
            one = msgspec.structs.replace(view, id=f"{number:032}")
            await store.add(Kept(one, room.clock.now_ms() + number, frozenset(), frozenset()))
        assert await store.read_newest(10, lambda kept: kept.view.id) == [f"{3:032}", f"{2:032}"]


async def _nothing(_: SqlRequest) -> SqlReply:
    return SqlReply([], [], False, "raw", 0.1)
