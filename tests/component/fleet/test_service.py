"""The fleet over a real records database: who may register, who is alive, and what is announced."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nagare.config.settings import RecordsSettings
from nagare.errors import ConflictError, DiskFullError, InputError, InvalidLabelError, NotFoundError, OverloadedError
from nagare.fleet.service import Fleet
from nagare.fleet.tables import hosts_table
from nagare.identity.service import Identity
from nagare.keys.signing import SigningKey
from nagare.lib.clock import ManualClock
from nagare.model.event import Event
from nagare.records.engine import Records
from nagare.wire.hosts import HostPatch, HostView, RegisterRequest


class Heard:
    """A listener that keeps what it hears, and knows event ids as the store does."""

    def __init__(self) -> None:
        self.states: list[tuple[str, str, bool]] = []
        self.events: dict[str, Event] = {}
        self.faults = 0

    def host_changed(self, view: HostView, *, removed: bool) -> None:
        self.states.append((view.name, view.state, removed))

    async def event_happened(self, event: Event) -> None:
        if self.faults:
            self.faults -= 1
            raise OSError("the store is away")
        self.events.setdefault(event.id, event)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events.values()]


class World:
    """One installation whose server can be restarted."""

    def __init__(self, records: Records) -> None:
        self.clock = ManualClock()
        self.heard = Heard()
        self.identity = Identity(records, self.clock, Path("no-keys"))
        self._records = records
        self.fleet = self.new_fleet()

    def new_fleet(self) -> Fleet:
        return Fleet(self._records, self.identity, self.heard, self.clock)

    async def restart(self, *, seconds: float = 0, crash: bool = False) -> None:
        if not crash:
            await self.fleet.__aexit__(None, None, None)
        await self.clock.advance(seconds)
        self.fleet = self.new_fleet()
        await self.fleet.__aenter__()

    async def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            await self.clock.advance(1)
            await self.fleet.review()

    def state(self, name: str = "web1") -> str:
        return self.fleet.view(name).state


@pytest.fixture
async def world(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[World]:
    async with Records(tmp_path / "records.db", migrated) as records:
        made = World(records)
        await made.fleet.__aenter__()
        yield made


def _request(**more: Any) -> RegisterRequest:
    return RegisterRequest(**{"name": "web1", "machine_id": "m1", "version": "0.1.0", **more})


async def test_registering_again_is_the_same_host_with_a_new_token(world: World) -> None:
    first = await world.fleet.register(_request())
    second = await world.fleet.register(_request(version="0.2.0", interval_seconds=10.0))
    assert first.id == second.id
    assert first.token != second.token
    view = world.fleet.view("web1")
    assert (view.version, view.interval_seconds) == ("0.2.0", 10.0)
    assert len(world.fleet.views()) == 1


async def test_two_machines_are_never_merged(world: World) -> None:
    first = await world.fleet.register(_request())
    with pytest.raises(ConflictError, match="another machine"):
        await world.fleet.register(_request(machine_id="m2"))
    assert (await world.identity.authenticate(first.token)).host == "web1"
    await world.restart()
    with pytest.raises(ConflictError):
        await world.fleet.register(_request(machine_id="m2"))
    await world.fleet.register(
        _request(name="web2")
    )  # one machine may have two names: a container shares its host's id


async def test_two_at_the_same_moment_are_not_merged_either(world: World) -> None:
    outcomes = await asyncio.gather(
        world.fleet.register(_request()), world.fleet.register(_request(machine_id="m2")), return_exceptions=True
    )
    assert [isinstance(outcome, OverloadedError) for outcome in outcomes] == [False, True]
    assert len(world.fleet.views()) == 1
    with pytest.raises(ConflictError, match="another machine"):
        await world.fleet.register(_request(machine_id="m2"))


UNLAWFUL: list[dict[str, Any]] = [
    {"name": ""},
    {"name": "../x"},
    {"name": "x" * 254},
    {"name": "web 1"},
    {"machine_id": ""},
    {"machine_id": "x" * 129},
    {"machine_id": "a\nb"},
    {"version": ""},
    {"version": "x" * 65},
    {"interval_seconds": 0.0},
    {"interval_seconds": float("nan")},
    {"interval_seconds": float("inf")},
    {"interval_seconds": 3601.0},
    {"labels": {"": "x"}},
    {"labels": {"x" * 64: "x"}},
    {"labels": {"x": "y" * 257}},
    {"labels": {str(number): "" for number in range(65)}},
    {"facts": {"x": "\x00"}},
    {"facts": {"x": "\ud800"}},
    {"public_key": "nonsense"},
    {"public_key": ""},
]


@pytest.mark.parametrize("changes", UNLAWFUL, ids=lambda changes: next(iter(changes)))
async def test_unlawful_registrations(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        await world.fleet.register(_request(**changes))
    assert world.fleet.views() == []


async def test_everything_outlives_a_restart(world: World) -> None:
    key = SigningKey.generate().public_key
    await world.fleet.register(_request(facts={"os": "linux"}, labels={"rack": "7"}, public_key=key))
    world.fleet.touch("web1")
    before = world.fleet.view("web1")
    await world.restart()
    assert world.fleet.view("web1") == before
    assert world.fleet.get("web1").public_key == key


async def test_labels_of_an_operator_stay_when_the_agent_registers_again(world: World) -> None:
    await world.fleet.register(_request(labels={"rack": "7", "os": "linux"}))
    view = await world.fleet.patch("web1", HostPatch({"rack": "8"}))
    assert view.labels == {"rack": "8"}
    await world.fleet.register(_request(labels={"rack": "7"}))
    assert world.fleet.view("web1").labels == {"rack": "8"}
    with pytest.raises(InvalidLabelError):
        await world.fleet.patch("web1", HostPatch({"": ""}))


async def test_what_an_agent_changes_of_its_labels_takes_effect(world: World) -> None:
    await world.fleet.register(_request(labels={"rack": "7", "os": "linux", "old": "1"}))
    await world.fleet.patch("web1", HostPatch({"rack": "8", "os": "linux", "old": "1", "owner": "kim"}))
    await world.restart()
    await world.fleet.register(_request(labels={"rack": "9", "os": "bsd", "new": "2"}))
    assert world.fleet.view("web1").labels == {"rack": "8", "os": "bsd", "new": "2", "owner": "kim"}


class _FullDisk(Heard):
    """Refuses the events of one host."""

    async def event_happened(self, event: Event) -> None:
        if event.host == "a1":
            raise DiskFullError("cannot store event: no space left")
        await super().event_happened(event)


async def test_a_fall_that_cannot_be_stored_holds_up_no_other(world: World) -> None:
    world.heard = _FullDisk()
    await world.restart()
    for name in ("a1", "b1"):
        await world.fleet.register(_request(name=name, machine_id=name))
        world.fleet.touch(name)
    await world.clock.advance(61)
    with pytest.raises(DiskFullError):
        await world.fleet.review()
    assert [event.host for event in world.heard.events.values()] == ["b1"]


@pytest.mark.parametrize("migrated", [RecordsSettings()], ids=["sqlite"])
async def test_a_disk_that_takes_nothing_neither_ends_the_reviews_nor_the_stop(world: World, tmp_path: Path) -> None:
    await world.fleet.register(_request())
    world.fleet.touch("web1")
    with closing(sqlite3.connect(tmp_path / "records.db")) as blocker, blocker:
        blocker.execute("create trigger full before update on hosts begin select raise(abort, 'disk is full'); end")
    blocker.close()
    reviews = asyncio.ensure_future(world.fleet.run())
    await world.clock.advance(61)
    await world.clock.advance(61)
    assert not reviews.done()
    reviews.cancel()
    await world.fleet.__aexit__(None, None, None)
    with closing(sqlite3.connect(tmp_path / "records.db")) as blocker, blocker:
        blocker.execute("drop trigger full")
    blocker.close()
    await world.fleet.flush()
    await world.restart(crash=True)
    assert world.fleet.view("web1").last_seen_at is not None


async def test_unknown_hosts_are_named_with_the_nearest(world: World) -> None:
    await world.fleet.register(_request())
    with pytest.raises(NotFoundError) as missing:
        world.fleet.get("wbe1")
    assert "web1" in missing.value.hint
    for call in (world.fleet.patch("nope", HostPatch({})), world.fleet.remove("nope")):
        with pytest.raises(NotFoundError):
            await call
    world.fleet.touch("nope")
    assert world.fleet.find("nope") is None


async def test_a_removed_host_is_gone_and_may_come_back_as_another(world: World) -> None:
    first = await world.fleet.register(_request())
    await world.fleet.remove("web1")
    assert world.heard.states[-1] == ("web1", "unknown", True)
    second = await world.fleet.register(_request(machine_id="m2"))
    assert second.id != first.id


async def test_a_host_that_falls_silent_and_returns(world: World) -> None:
    await world.fleet.register(_request())
    assert world.state() == "unknown"
    world.fleet.touch("web1")
    await world.fleet.review()
    await world.pass_time(15)
    assert world.state() == "up"
    await world.pass_time(1)
    assert world.state() == "stale"
    assert world.heard.kinds == []
    await world.pass_time(45)
    assert world.state() == "down"
    assert world.heard.kinds == ["host.down"]
    await world.pass_time(600)
    world.fleet.touch("web1")
    await world.fleet.review()
    assert [state for _, state, _ in world.heard.states] == ["unknown", "up", "stale", "down", "up"]
    assert world.heard.kinds == ["host.down", "host.up"]
    down, up = world.heard.events.values()
    assert (down.severity, up.severity) == (2, 0)
    assert down.host == up.host == "web1"


async def test_a_host_never_heard_of_is_not_down(world: World) -> None:
    await world.fleet.register(_request())
    await world.pass_time(300)
    assert world.state() == "unknown"
    assert world.heard.kinds == []


@pytest.mark.parametrize("crash", [False, True])
async def test_a_restart_announces_nothing_twice(world: World, crash: bool) -> None:
    await world.fleet.register(_request())
    world.fleet.touch("web1")
    await world.pass_time(61)
    assert world.heard.kinds == ["host.down"]
    await world.restart(seconds=100, crash=crash)
    assert world.state() == "down"
    await world.pass_time(120)
    assert world.heard.kinds == ["host.down"]
    await world.restart(crash=crash)
    world.fleet.touch("web1")
    await world.fleet.review()
    assert world.heard.kinds == ["host.down", "host.up"]
    await world.restart(crash=crash)
    await world.fleet.review()
    assert world.heard.kinds == ["host.down", "host.up"]


async def test_a_server_that_was_away_gives_hosts_time_to_report(world: World) -> None:
    await world.fleet.register(_request())
    world.fleet.touch("web1")
    await world.restart(seconds=3600)
    assert world.state() == "stale"
    await world.pass_time(30)
    world.fleet.touch("web1")
    await world.fleet.review()
    assert world.state() == "up"
    assert world.heard.kinds == []
    await world.restart(seconds=3600)
    await world.pass_time(61)
    assert world.state() == "down"
    assert world.heard.kinds == ["host.down"]


async def test_a_fall_that_could_not_be_stored_is_announced_later(world: World) -> None:
    await world.fleet.register(_request())
    world.fleet.touch("web1")
    await world.fleet.review()
    world.heard.faults = 1
    await world.clock.advance(61)
    with pytest.raises(OSError, match="away"):
        await world.fleet.review()
    await world.fleet.review()
    assert world.heard.kinds == ["host.down"]


async def test_last_seen_is_durable_coarsely_even_without_a_clean_stop(world: World) -> None:
    await world.fleet.register(_request())
    world.fleet.touch("web1")
    seen_at = world.fleet.view("web1").last_seen_at
    await world.fleet.flush()
    await world.clock.advance(1)
    world.fleet.touch("web1")
    await world.restart(crash=True)
    assert world.fleet.view("web1").last_seen_at == seen_at


async def test_the_table_that_sql_sees(world: World) -> None:
    await world.fleet.register(_request(labels={"rack": "7"}))
    await world.fleet.register(_request(name="db1"))
    world.fleet.touch("web1")
    table = hosts_table(world.fleet, world.clock)
    columns = await table.fetch()
    assert columns["host"] == ["db1", "web1"]
    assert columns["state"] == ["unknown", "up"]
    assert columns["labels"] == [{}, {"rack": "7"}]
    assert columns["last_seen_ms"] == [None, world.clock.now_ms()]
    assert set(columns) == {column.name for column in table.table.columns}
    assert world.fleet.count_by_state() == {"up": 1, "stale": 0, "down": 0, "unknown": 1}
