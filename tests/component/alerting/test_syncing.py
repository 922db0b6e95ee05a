"""Looks at what monitors have: lost begins and ends are made good, and no outage of anybody ends anything."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.board import Board
from nagare.alerting.foreign import asking
from nagare.alerting.foreign.intake import Intake
from nagare.alerting.foreign.syncing import SOURCE, Syncing
from nagare.alerting.store import AlertStore
from nagare.config.settings import RecordsSettings
from nagare.interop import zabbix_problems
from nagare.interop.alertmanager import read_alerts
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.lib.rfc3339 import format_ms
from nagare.lib.teller import Teller
from nagare.model.alert.alert import Alert
from nagare.model.alert.foreign import Told
from nagare.model.alert.monitor import Monitor, MonitorKind
from nagare.model.event import Event, Severity
from nagare.records.engine import Records
from nagare.wire.codec import encode
from tests.support.zabbix_server import TOKEN, Problem, ZabbixServer, zabbix_server

LABELS = {"alertname": "Down", "instance": "web1:9100", "severity": "page"}


@dataclass
class Book:
    """The monitors that hold."""

    monitors: Mapping[str, Monitor] = field(default_factory=dict)


class Room:
    """A board with its intake, and looks at one monitor."""

    def __init__(self, records: Records, clock: ManualClock) -> None:
        self.clock = clock
        self.counters = Counters()
        self.told: list[Event] = []
        self.teller = Teller[Event](self._store, clock, self.counters)
        self.board = Board(AlertStore(records), self.teller, clock)
        self.intake = Intake(self.board, clock, self.counters, 18_000)
        self.book = Book()
        self.syncing = Syncing(self.board, self.intake, self.book, clock, self.counters, lambda: True)

    async def _store(self, event: Event) -> None:
        self.told.append(event)

    def watch(self, monitor: Monitor) -> None:
        self.book.monitors = {monitor.source: monitor}

    async def look(self, after: float = 130.0) -> None:
        """Look once, so long after what came before."""
        await self.clock.advance(after)
        await self.syncing.look_all()

    def states(self, source: str = "zabbix") -> dict[str, str]:
        return {one.labels["alertname"]: one.state.value for one in self.board.open() if one.source == source}

    def failing(self) -> list[Alert]:
        return [one for one in self.board.open() if one.source == SOURCE and one.is_active]


@pytest.fixture
async def room(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[Room]:
    """Fresh records, and an intake that runs."""
    async with Records(tmp_path / "records.db", migrated) as records:
        found = Room(records, ManualClock())
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(found.intake.run())
            yield found
            running.cancel()


@pytest.fixture
async def zabbix(room: Room, tmp_path: Path) -> AsyncIterator[ZabbixServer]:
    """A Zabbix that is looked at."""
    (tmp_path / "token").write_text(TOKEN)
    async with zabbix_server() as server:
        room.watch(Monitor(MonitorKind.ZABBIX, "main", server.url, secret_file=str(tmp_path / "token")))
        yield server


async def _hear(room: Room, event: str, name: str, *, is_firing: bool = True) -> None:
    labels = {"alertname": name, "host": "web1"}
    told = Told("zabbix", event, labels, {}, Severity.HIGH, is_firing=is_firing, is_one_time=True)
    await room.intake.take([told])


async def test_what_nobody_told_is_taken_in_and_what_ended_unheard_ends(room: Room, zabbix: ZabbixServer) -> None:
    zabbix.problems = {
        "7": Problem("Known"),
        "8": Problem("Missed", severity=5, is_acknowledged=True, tags=[{"tag": "a", "value": "b"}]),
    }
    await _hear(room, "7", "Known")
    await _hear(room, "6", "Ended")
    zabbix.problems["6"] = Problem("Ended", is_closed=True)
    await room.look()
    assert room.states() == {"Known": "firing", "Missed": "acknowledged", "Ended": "resolved"}
    missed, ended = room.board.find("zabbix", "8"), room.board.find("zabbix", "6")
    assert missed is not None
    assert ended is not None
    assert missed.labels == {"alertname": "Missed", "host": "web1", "tag_a": "b", "severity": "critical"}
    assert (
        missed.starts_ms,
        missed.annotations["source"].endswith("/zabbix/tr_events.php?triggerid=1008&eventid=8"),
    ) == (1_760_000_000_000, True)
    turns = await room.board.store.turns_of(ended.id)
    assert (turns[-1][1].actor, turns[-1][1].cause) == ("zabbix", "main has it no more")
    # The same again changes nothing, and the push of what was taken in is the same alert.
    await _hear(room, "8", "Missed")
    await room.look()
    assert len(room.states()) == 3
    assert (room.counters.get("monitored_taken_in"), room.counters.get("monitored_ended")) == (1, 1)
    # A begin that comes late, of what was ended so, is old.
    await _hear(room, "6", "Ended")
    assert room.states()["Ended"] == "resolved"


async def test_no_outage_ends_anything_and_is_told_by_an_alert(room: Room, zabbix: ZabbixServer) -> None:
    await _hear(room, "7", "Full")
    zabbix.hosts = {"web1"}
    zabbix.is_down = True
    for looks in (1, 2, 3):
        await room.look()
        assert bool(room.failing()) == (looks == 3)
    (failing,) = room.failing()
    assert failing.labels["monitor"] == "main"
    assert "it answers 502" in failing.annotations["summary"]
    zabbix.is_down, zabbix.token = False, "another"
    await room.look()
    assert "Not authorized" in room.failing()[0].annotations["summary"]
    assert room.states() == {"Full": "firing"}
    zabbix.token = TOKEN
    await room.look()
    assert (room.failing(), room.states()) == ([], {"Full": "resolved"})


async def test_a_page_that_breaks_ends_nothing(
    room: Room, zabbix: ZabbixServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zabbix_problems, "PAGE", 2)
    monkeypatch.setattr(asking, "PAGE", 2)
    zabbix.problems = {str(event): Problem(f"P{event}") for event in range(10, 15)}
    await _hear(room, "9", "Gone")
    calls: list[str] = []

    def third(method: str, _params: Any) -> None:
        calls.append(method)
        if calls.count("problem.get") == 3:
            raise RuntimeError

    zabbix.fault = third
    await room.look()
    assert room.states() == {"Gone": "firing"}
    zabbix.fault = lambda _method, _params: None
    await room.look()
    assert room.states() == {"Gone": "resolved", **{f"P{event}": "firing" for event in range(10, 15)}}
    monkeypatch.setattr(asking, "PAGES", 2)
    await _hear(room, "8", "Left")
    await room.look()
    assert room.states()["Left"] == "firing"
    assert "more than 4" in next(iter(room.syncing.standings.values())).fault


async def test_an_odd_answer_is_its_monitors_fault_and_hinders_no_other(
    room: Room, zabbix: ZabbixServer, tmp_path: Path
) -> None:
    (fine,) = room.book.monitors.values()
    # What no reader of ours foresees: of such a name of a file Python says ValueError.
    odd = Monitor(MonitorKind.ZABBIX, "odd", zabbix.url, "odd", secret_file=f"{tmp_path}/\0")
    room.book.monitors = {odd.source: odd, fine.source: fine}
    zabbix.problems = {"7": Problem("Full")}
    for _ in range(3):
        await room.look()
    assert room.states() == {"Full": "firing"}
    (failing,) = room.failing()
    assert (failing.labels["monitor"], failing.annotations["summary"][-40:]) == (
        "odd",
        "cannot understand its answer: ValueError",
    )


async def test_what_its_token_does_not_see_any_more_is_left(room: Room, zabbix: ZabbixServer) -> None:
    zabbix.problems = {"7": Problem("Hidden", is_hidden=True), "8": Problem("Seen", host="web2")}
    await _hear(room, "7", "Hidden")
    await room.look()
    assert room.states() == {"Hidden": "firing", "Seen": "firing"}
    zabbix.problems["8"].is_hidden = True
    await room.look()
    assert room.states() == {"Hidden": "firing", "Seen": "firing"}
    assert next(iter(room.syncing.standings.values())).fault == "its token sees no host"


async def test_what_was_heard_or_done_lately_is_left(room: Room, zabbix: ZabbixServer) -> None:
    zabbix.hosts = {"web1"}
    await _hear(room, "7", "New")
    await room.look(60)
    assert room.states() == {"New": "firing"}
    zabbix.problems["7"] = Problem("New")
    now_ms = room.clock.now_ms()
    found = room.board.find("zabbix", "7")
    assert found is not None
    await room.board.change(found.id, lambda one: lifecycle.resolve(one, "ann", "done", now_ms))
    await room.look(60)
    assert room.states() == {"New": "resolved"}
    # Zabbix has it still: it was not over.
    await room.look(70)
    assert room.states() == {"New": "re-opened"}


class PrometheusServer:
    """The three pages of a Prometheus."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        self.started_ms = 0
        self.targets = ["up"]
        self.headers: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.headers.append(request.headers.get("Authorization", ""))
        pages: dict[str, dict[str, Any]] = {
            "/p/api/v1/alerts": {"alerts": self.alerts},
            "/p/api/v1/targets": {"activeTargets": [{"health": health} for health in self.targets]},
            "/p/api/v1/status/runtimeinfo": {"startTime": format_ms(self.started_ms)},
        }
        return web.json_response({"status": "success", "data": pages[request.path]})


@pytest.fixture
async def prometheus(room: Room) -> AsyncIterator[PrometheusServer]:
    """A Prometheus that is looked at."""
    found = PrometheusServer()
    app = web.Application()
    app.router.add_get("/{path:.*}", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/p"
    room.watch(Monitor(MonitorKind.PROMETHEUS, "p", url, labels={"site": "a"}))
    found.started_ms = room.clock.now_ms() - 86_400_000
    yield found
    await runner.cleanup()


async def test_alerts_of_prometheus_are_those_that_it_sends(room: Room, prometheus: PrometheusServer) -> None:
    prometheus.alerts = [
        {"labels": LABELS, "annotations": {"summary": "x"}, "state": "firing", "activeAt": "2025-10-09T08:00:00Z", "value": "1e+00"},
        {"labels": {**LABELS, "alertname": "Soon"}, "state": "pending"},
    ]  # fmt: skip
    await room.look()
    (found,) = room.board.open()
    assert (found.source, found.state.value, found.labels["host"]) == ("prometheus", "firing", "web1")
    sent = [{"labels": {"site": "a", **LABELS}, "startsAt": "2025-10-09T08:01:00Z"}]
    await room.intake.take(read_alerts(encode(sent), room.clock.now_ms()))
    assert [one.id for one in room.board.open()] == [found.id]
    # It sends no more, but has it: that keeps it, beyond the five minutes of its word.
    for _ in range(5):
        await room.look(100)
    assert room.states("prometheus") == {"Down": "firing"}
    prometheus.alerts = []
    await room.look(400)
    assert room.states("prometheus") == {"Down": "resolved"}


async def test_a_prometheus_that_just_began_or_sees_no_target_ends_nothing(
    room: Room, prometheus: PrometheusServer
) -> None:
    await room.intake.take(read_alerts(encode([{"labels": {"site": "a", **LABELS}}]), room.clock.now_ms()))
    prometheus.targets = ["down", "unknown"]
    for _ in range(3):
        # Its word holds for five minutes.
        await room.look(70)
    assert room.states("prometheus") == {"Down": "firing"}
    assert "none of its 2 targets is up" in room.failing()[0].annotations["summary"]
    prometheus.targets, prometheus.started_ms = ["up"], room.clock.now_ms() - 60_000
    await room.look(70)
    assert (room.states("prometheus"), room.failing()) == ({"Down": "firing"}, [])
