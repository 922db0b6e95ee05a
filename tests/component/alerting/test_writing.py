"""What people do here is written to Zabbix: once, in order, through crashes of either side, and given up after a day."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.board import Board
from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.foreign import writing
from nagare.alerting.foreign.intake import Intake
from nagare.alerting.foreign.store import WriteStore
from nagare.alerting.foreign.writing import Writing
from nagare.alerting.store import AlertStore
from nagare.config.settings import RecordsSettings
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.lib.teller import Teller
from nagare.model.alert.alert import Alert, Transition
from nagare.model.alert.foreign import Told
from nagare.model.alert.monitor import Monitor, MonitorKind
from nagare.model.event import Event, Severity
from nagare.records.engine import Records
from tests.support.zabbix_server import TOKEN, Problem, RefusedError, ZabbixServer, zabbix_server

SOURCE = "zabbix/ann.zabbix"


@dataclass
class Book:
    """The monitors that hold."""

    monitors: Mapping[str, Monitor]


class Room:
    """Alerts of one Zabbix and what is written back; ``again`` is the server after a kill -9."""

    def __init__(self, records: Records, server: ZabbixServer, secret: Path, clock: ManualClock) -> None:
        self.records, self.server, self.secret, self.clock = records, server, secret, clock
        self.counters = Counters()
        self.told: list[Event] = []
        self.teller = Teller[Event](self._store, clock, self.counters)
        self.board = Board(AlertStore(records), self.teller, clock)
        monitor = Monitor(
            MonitorKind.ZABBIX, "main", server.url, "ann.zabbix", secret_file=str(secret), writes_back=True
        )
        self.book = Book({monitor.source: monitor})
        self.writing = Writing(WriteStore(records), self.book, self.teller, clock, self.counters, leads=lambda: True)

    async def _store(self, event: Event) -> None:
        self.told.append(event)

    def watch(self, server: ZabbixServer, key: str) -> str:
        """Return the source of another Zabbix to which is written back, too."""
        one = Monitor(MonitorKind.ZABBIX, key, server.url, key, secret_file=str(self.secret), writes_back=True)
        self.book.monitors = {**self.book.monitors, one.source: one}
        return one.source

    async def hear(self, event: str, problem: Problem | None = None, source: str = SOURCE) -> Alert:
        """Return the alert of a problem that Zabbix told of."""
        self.server.problems.setdefault(event, problem or Problem())
        intake = Intake(self.board, self.clock, self.counters, 18_000)
        told = Told(source, event, {"alertname": "Full"}, {}, Severity.HIGH, is_firing=True, is_one_time=True)
        task = asyncio.ensure_future(intake.run())
        await intake.take([told])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        found = self.board.find(told.source, event)
        assert found is not None
        return found

    async def do(self, alert: Alert, verb: str, text: str = "mine") -> None:
        """Do ``verb`` as a person does it by the service."""
        now_ms = self.clock.now_ms()

        def step(one: Alert) -> Step | None:
            if verb == "comment":
                return Step(one, (Transition(now_ms, one.state, one.state, "ann", text),))
            verbs = {
                "acknowledge": lifecycle.acknowledge,
                "unacknowledge": lifecycle.unacknowledge,
                "resolve": lifecycle.resolve,
            }
            return verbs[verb](one, "ann", text, now_ms)

        _, is_changed = await self.board.change(alert.id, lambda one: self.writing.marked(step(one), verb))
        assert is_changed

    async def again(self) -> "Room":
        """Return what a server makes of the same records after this one was killed."""
        other = Room(self.records, self.server, self.secret, self.clock)
        await other.board.load()
        return other


@pytest.fixture
async def server() -> AsyncIterator[ZabbixServer]:
    """A Zabbix."""
    async with zabbix_server() as found:
        yield found


@pytest.fixture
async def room(tmp_path: Path, migrated: RecordsSettings, server: ZabbixServer) -> AsyncIterator[Room]:
    """Fresh records, and a token in a file."""
    (secret := tmp_path / "token").write_text(TOKEN + "\n")
    async with Records(tmp_path / "records.db", migrated) as records:
        yield Room(records, server, secret, ManualClock())


async def test_each_thing_that_is_done_is_written_once_and_in_order(room: Room) -> None:
    alert = await room.hear("7")
    verbs = ["acknowledge", "comment", "unacknowledge", "acknowledge", *["comment"] * 8, "resolve"]
    for verb in verbs:
        await room.do(alert, verb, f"text of {verb}")
    for _ in range(3):
        await room.writing.flush()
    problem = room.server.problems["7"]
    said = [
        re.fullmatch(r"ann in Nagare: text of (\w+) \[nagare [0-9a-f]{8}\.(\d+)\]", one) for one in problem.messages
    ]
    assert [one and one[1] for one in said] == verbs
    assert [one and int(one[2]) for one in said] == list(range(2, 15))
    assert (problem.is_acknowledged, problem.is_closed) == (True, True)
    assert (room.counters.get("write_backs_sent"), room.server.calls.count("event.acknowledge")) == (13, 13)


@pytest.mark.parametrize("version", ["6.0.30", "6.4.12", "7.0.3", "7.2.1"])
async def test_every_version_is_shown_the_token_where_it_looks(room: Room, version: str) -> None:
    room.server.version = version
    alert = await room.hear("7")
    await room.do(alert, "acknowledge")
    await room.writing.flush()
    assert room.server.problems["7"].is_acknowledged


async def test_what_zabbix_says_itself_is_not_said_to_it(room: Room) -> None:
    alert = await room.hear("7")
    other = Told(
        SOURCE, "7", {"alertname": "Full"}, {}, Severity.HIGH, is_firing=True, is_one_time=True, is_acknowledged=True,
        actor="Bob", comment="in hand",
    )  # fmt: skip
    intake = Intake(room.board, room.clock, room.counters, 18_000)
    task = asyncio.ensure_future(intake.run())
    await intake.take([other])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await room.board.get(alert.id)).owner == "Bob"
    await room.writing.flush()
    assert room.server.calls == []


async def test_while_it_cannot_be_reached_all_waits_and_then_comes_once(room: Room) -> None:
    alert = await room.hear("7")
    room.server.is_down = True
    await room.do(alert, "acknowledge")
    await room.writing.flush()
    calls = len(room.server.calls)
    await room.writing.flush()
    # It is left alone for a while.
    assert len(room.server.calls) == calls
    await room.do(alert, "comment")
    room.server.is_down = False
    await room.clock.advance(400)
    await room.writing.flush()
    assert len(room.server.problems["7"].messages) == 2
    assert room.counters.get("write_backs_unreachable") == 1


@pytest.mark.parametrize("place", ["before", "after"])
async def test_a_kill_while_it_is_written_neither_loses_nor_doubles_it(room: Room, place: str) -> None:
    alert = await room.hear("7")
    await room.do(alert, "acknowledge")
    reached, forever = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        reached.set()
        await forever.wait()

    setattr(room.server, place, hold)
    flushing = asyncio.ensure_future(room.writing.flush())
    await reached.wait()
    flushing.cancel()
    await asyncio.gather(flushing, return_exceptions=True)
    setattr(room.server, place, _at_once)
    other = await room.again()
    for _ in range(2):
        await other.writing.flush()
    assert len(room.server.problems["7"].messages) == 1
    assert await other.writing.store.waiting(SOURCE, 10) == []


async def _at_once() -> None:
    await asyncio.sleep(0)


async def test_what_is_refused_is_told_and_holds_nothing_back(room: Room) -> None:
    alert = await room.hear("7", Problem(may_be_closed=False))
    gone = await room.hear("8")
    del room.server.problems["8"]
    await room.do(alert, "comment", "first")
    await room.do(alert, "resolve")
    await room.do(gone, "acknowledge")
    await room.writing.flush()
    await room.teller.flush()
    assert room.counters.get("write_backs_given_up") == 2
    told = {event.attributes["alert"]: event for event in room.told if event.kind == "alert.not_written_back"}
    assert "Cannot close problem: trigger does not allow manual closing." in told[alert.id].text
    assert told[gone.id].attributes["verb"] == "acknowledge"
    assert len(room.server.problems["7"].messages) == 1


async def test_an_event_that_fails_now_waits_in_its_order_and_others_do_not(room: Room) -> None:
    stuck, fine = await room.hear("7"), await room.hear("8")

    def fail(method: str, params: dict[str, list[str]]) -> None:
        if method == "event.acknowledge" and params["eventids"] == ["7"]:
            raise RefusedError(-32500, "SQL statement execution has failed")

    room.server.fault = fail
    await room.do(stuck, "acknowledge")
    await room.do(stuck, "comment")
    await room.do(fine, "acknowledge")
    await room.writing.flush()
    assert [len(room.server.problems[event].messages) for event in ("7", "8")] == [0, 1]
    room.server.fault = lambda _method, _params: None
    await room.clock.advance(10)
    await room.writing.flush()
    assert [len(room.server.problems[event].messages) for event in ("7", "8")] == [2, 1]
    assert "mine" in room.server.problems["7"].messages[0]


async def test_after_a_day_it_is_given_up_and_told(room: Room) -> None:
    alert = await room.hear("7")
    room.server.is_down = True
    await room.do(alert, "acknowledge")
    await room.writing.flush()
    await room.clock.advance(86_400)
    await room.writing.flush()
    await room.teller.flush()
    assert room.told[-1].kind == "alert.not_written_back"
    assert await room.writing.store.waiting(SOURCE, 10) == []
    room.server.is_down = False
    await room.writing.flush()
    assert room.server.problems["7"].messages == []


async def test_a_token_that_is_changed_counts_without_a_restart(room: Room) -> None:
    alert = await room.hear("7")
    room.secret.write_text("old")
    await room.do(alert, "acknowledge")
    await room.writing.flush()
    found = (await room.writing.store.waiting(SOURCE, 1))[0]
    assert (found.tries, "Not authorized" in found.fault) == (1, True)
    assert "old" not in found.fault
    room.secret.write_text(TOKEN)
    await room.clock.advance(5)
    await room.writing.flush()
    assert room.server.problems["7"].is_acknowledged


async def test_one_that_hangs_holds_back_no_other(room: Room) -> None:
    hung, forever, written = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        hung.set()
        await forever.wait()

    async def tell() -> None:
        written.set()

    async with zabbix_server() as other:
        source = room.watch(other, "other")
        stuck, fine = await room.hear("7"), await room.hear("7", source=source)
        other.problems["7"] = Problem()
        room.server.before, other.after = hold, tell
        await room.do(stuck, "acknowledge")
        running = asyncio.ensure_future(room.writing.run())
        await hung.wait()
        for verb in ("acknowledge", "comment"):
            written.clear()
            await room.do(fine, verb)
            room.writing.wake()
            await asyncio.wait_for(written.wait(), 5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert (len(other.problems["7"].messages), room.server.problems["7"].messages) == (2, [])


async def test_what_waits_for_one_that_rests_hides_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_AT_A_TIME", 2)
    async with zabbix_server() as other:
        source = room.watch(other, "other")
        away = await room.hear("7")
        room.server.is_down = True
        for _ in range(3):
            await room.do(away, "comment")
        await room.writing.flush()
        # So that it is the youngest of all.
        await room.clock.advance(1)
        fine = await room.hear("8", source=source)
        other.problems["8"] = Problem()
        await room.do(fine, "acknowledge")
        await room.writing.flush()
        assert other.problems["8"].is_acknowledged


async def test_one_that_goes_away_is_left_at_once(room: Room) -> None:
    for event in ("7", "8", "9"):
        await room.do(await room.hear(event), "acknowledge")

    def fail(method: str, _params: object) -> None:
        if method == "event.acknowledge":
            # It answers 500.
            raise RuntimeError

    room.server.fault = fail
    await room.writing.flush()
    assert room.server.calls.count("event.acknowledge") == 1
    assert room.counters.get("write_backs_unreachable") == 1
    room.server.fault = lambda _method, _params: None
    await room.clock.advance(10)
    await room.writing.flush()
    assert [room.server.problems[event].is_acknowledged for event in ("7", "8", "9")] == [True] * 3
