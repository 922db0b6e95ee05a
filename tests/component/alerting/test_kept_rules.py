"""Rules that came by the API, in both databases: kept, followed by other servers, and what becomes of their alerts."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from nagare.alerting.rules.kept_store import Kept, KeptStore
from nagare.alerting.schema import kept_rules
from nagare.config.settings import RecordsSettings
from nagare.errors import ConflictError, LimitExceededError, NotFoundError, StaleVersionError
from nagare.lib.clock import ManualClock
from nagare.model.alert.definition import parse_rule
from nagare.model.alert.kept import KeptRule
from nagare.records.engine import Records
from nagare.wire.alerts import RuleRequest
from tests.component.alerting.test_judge import LOCAL, Neighbours, Room, beside, clock, opened

__all__ = ["beside", "clock"]
SQL = "SELECT host, mount, arg_max(used_ratio, ts) AS value FROM disk GROUP BY host, mount"
NEAR: dict[str, Any] = {"sql": SQL, "every": "10s", "window": "1m", "fires": "> 0.9", "severity": "high"}


def _rule(name: str, **more: Any) -> KeptRule:
    return KeptRule(parse_rule({**NEAR, "name": name, **more}, "api"), 7, 1000, 1000, "t1", "local")


async def test_what_is_kept_and_read_again(tmp_path: Path, migrated: RecordsSettings) -> None:
    async with Records(tmp_path / "records.db", migrated) as records:
        store = KeptStore(records)
        one = await store.save(_rule("One"), 2)
        two = await store.save(_rule("Two", labels={"team": "w\u00e9b"}), 2)
        with pytest.raises(LimitExceededError, match="there are 2 by the API already"):
            await store.save(_rule("Three"), 2)
        with pytest.raises(ConflictError, match="it is there already"):
            await store.save(_rule("One"), 2, is_new=True)
        changed = await store.save(_rule("One", fires="> 0.5"), 2, expected=7)
        assert (changed.revision, changed.made_ms) == (8, 1000)
        with pytest.raises(StaleVersionError):
            await store.save(_rule("One"), 2, expected=7)
        known = Kept({"One": one, "Two": two, "Gone": one})
        found = await store.load(known)
        assert found == Kept({"One": changed, "Two": two})
        # What was not changed is not read again.
        assert found.rules["Two"] is two
        await store.remove("One", expected=8)
        with pytest.raises(NotFoundError):
            await store.remove("One")
        assert list((await store.load(found)).rules) == ["Two"]


async def test_one_that_nobody_can_read_is_told_and_can_be_replaced(tmp_path: Path, migrated: RecordsSettings) -> None:
    async with Records(tmp_path / "records.db", migrated) as records:
        store = KeptStore(records)
        two = await store.save(_rule("Two"), 5)
        known = Kept()
        for definition in ({"sql": "SELECT 1", "severity": "of a later version"}, ["no", "table"], None):
            await store.save(_rule("One"), 5)
            await _spoil(records, definition)
            known = await store.load(Kept())
            assert (list(known.rules), list(known.broken)) == (["Two"], ["One"])
            assert await store.load(known) == known
        one = await store.save(_rule("One"), 5)
        assert await store.load(known) == Kept({"One": one, "Two": two})


async def _spoil(records: Records, definition: object) -> None:
    statement = update(kept_rules).where(kept_rules.c.name == "One").values(definition=definition)
    await records.write(lambda connection: connection.execute(statement))


async def _room_saves(room: Room, name: str, rule: dict[str, Any]) -> None:
    await room.alerts.rules.save(LOCAL, name, RuleRequest(rule), room.beside.ask)


async def test_alerts_end_as_those_of_a_file_do(tmp_path: Path, clock: ManualClock, beside: Neighbours) -> None:
    async with opened(tmp_path, clock, beside) as room:
        await room.measure(web1=0.95)
        await _room_saves(room, "Near", NEAR)
        await room.round(0)
        assert room.states() == {"Full web1": "firing", "Near web1": "firing"}
        # It asks otherwise, and what it said before is never seen again.
        await _room_saves(room, "Near", {**NEAR, "sql": SQL.replace("FROM disk", "FROM disk WHERE host <> 'web1'")})
        await room.round()
        assert room.states() == {"Full web1": "firing", "Near web1": "resolved"}
        [near] = room.alerts.board.of_rule("Near")
        assert (await room.alerts.store.turns_of(near.id))[-1][1].cause == "rule Near was changed"
        await _room_saves(room, "Near", NEAR)
        await room.measure(web1=0.95)
        await room.round()
        assert room.states()["Near web1"] == "re-opened"
        await room.alerts.rules.remove("Near")
        await room.round(5)
        assert room.states()["Near web1"] == "re-opened"
        await room.measure(web1=0.95)
        await room.round(61)
        assert room.states()["Near web1"] == "resolved"
        assert (await room.alerts.store.turns_of(near.id))[-1][1].cause == "rule Near is gone"


async def test_alerts_of_one_that_nobody_can_read_stay(tmp_path: Path, clock: ManualClock, beside: Neighbours) -> None:
    async with opened(tmp_path, clock, beside) as room:
        await room.measure(web1=0.95)
        await _room_saves(room, "Near", NEAR)
        await room.round(0)
        statement = update(kept_rules).values(definition={"later": True}, revision=1)
        async with Records(tmp_path / "records.db") as records:
            await records.write(lambda connection: connection.execute(statement))
        await room.clock.advance(5)
        await room.alerts.rules.follow()
        assert room.alerts.rules.all().not_held == {"Near": "what the records have of it cannot be read"}
        await room.round(0)
        await room.round(120)
        assert room.states()["Near web1"] == "firing"
        await room.alerts.rules.remove("Near")
        await room.round(0)
        await room.round(61)
        assert room.states()["Near web1"] == "resolved"


async def test_a_change_at_another_server_holds_here_too(
    tmp_path: Path, clock: ManualClock, beside: Neighbours, postgres: RecordsSettings
) -> None:
    async with (
        opened(tmp_path, clock, beside, postgres, is_alone=False) as one,
        opened(tmp_path, clock, beside, postgres, is_alone=False) as two,
    ):
        woken = []
        one.alerts.rules.on_change = lambda: woken.append(1)
        await _room_saves(two, "Near", NEAR)
        revision = two.alerts.rules.get("Near").revision
        await clock.advance(4)
        await one.alerts.rules.follow()
        assert "Near" not in one.alerts.book.rules
        await clock.advance(1)
        await one.alerts.rules.follow()
        assert (one.alerts.rules.get("Near").revision, woken) == (revision, [1])
        await one.measure(web1=0.95)
        await one.round(0)
        assert one.states()["Near web1"] == "firing"
        # What was read here is not what is there any more.
        await _room_saves(two, "Near", {**NEAR, "fires": "> 0.5"})
        with pytest.raises(StaleVersionError):
            await one.alerts.rules.remove("Near", revision)
        await two.alerts.rules.remove("Near")
        with pytest.raises(NotFoundError):
            await one.alerts.rules.remove("Near")
        await clock.advance(5)
        await one.alerts.rules.follow()
        assert "Near" not in one.alerts.book.rules
        # One that was made elsewhere a moment ago can be deleted here.
        await _room_saves(two, "Late", NEAR)
        await one.alerts.rules.remove("Late")
        assert "Late" not in one.alerts.book.rules
