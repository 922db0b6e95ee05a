"""Judging over real metrics and real records, with the hands of the clock turned by the test."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from nagare.alerting.notify.room import Ways
from nagare.alerting.service import Alerts
from nagare.config.settings import AlertSettings, RecordsSettings
from nagare.errors import NagareError, NotReadyError, OverloadedError
from nagare.lib.clock import ManualClock
from nagare.metrics.store import MetricStore
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.event import Event
from nagare.model.principal import ADMIN_PERMISSIONS, Principal, PrincipalKind
from nagare.records.engine import Records
from nagare.wire.alerts import SilenceRequest
from nagare.wire.sql import SqlColumn, SqlReply, SqlRequest
from tests.support.metric_store import make_batch, make_store
from tests.support.migrated import place_records
from tests.support.notify_room import Recorder, no_link

LOCAL = Principal("t1", "local", ADMIN_PERMISSIONS, kind=PrincipalKind.LOCAL)
S = AlertState
FULL = """
[[rule]]
name = "Full"
sql = "SELECT host, mount, arg_max(used_ratio, ts) AS value FROM disk GROUP BY host, mount"
every = "10s"
window = "1m"
fires = "> 0.9"
resolves = "< 0.8"
severity = "high"
"""


@dataclass
class Neighbours:
    """What the room needs of others: a real store, and events that are kept by id, as the store keeps them."""

    store: MetricStore
    events: dict[str, Event] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fault: str = ""
    crowd: str = ""
    broken: str = ""
    fleet: tuple[str, ...] = ()

    async def ask(self, request: SqlRequest) -> SqlReply:
        if "FROM hosts" in request.sql:
            rows = [[host] for host in self.fleet]
            return SqlReply([SqlColumn("host", "VARCHAR")], rows, truncated=False, tier="raw", elapsed_ms=1.0)
        self.asked.append(request.sql)
        if self.crowd:
            raise OverloadedError(self.crowd)
        if self.broken and self.broken in request.sql:
            raise ValueError("year 10000 is out of range")
        if self.fault:
            raise NotReadyError(self.fault)
        return await self.store.query(request, hosts=None)

    async def event_happened(self, event: Event) -> None:
        assert self.events.setdefault(event.id, event) == event

    def maintenance_of(self, host: str) -> str:
        return "new disks" if host == "worked-on" else ""

    def labels_of(self, host: str) -> Mapping[str, str]:
        return {}


@dataclass
class Room:
    """A room whose rounds the test makes."""

    alerts: Alerts
    beside: Neighbours
    clock: ManualClock
    folder: Path
    seq: int = 0

    async def measure(self, **used: float) -> None:
        """Store how full the disk of each host is now."""
        # Later than what came before.
        await self.clock.advance(0.001)
        for host, ratio in used.items():
            self.seq += 1
            rows = {"disk": {"ts": [self.clock.now_ms()], "mount": ["/"], "used_ratio": [ratio]}}
            await self.beside.store.append(make_batch(self.seq, rows, host=host, boot=f"boot-{host}"))

    async def round(self, seconds: float = 10.0) -> None:
        """Let time pass and judge once."""
        await self.clock.advance(seconds)
        assert await self.alerts.judge._lead()
        await self.alerts.judge.round()
        await self.alerts._teller.flush()

    def states(self) -> dict[str, str]:
        """Return the state of each open alert, by name and host."""
        return {
            f"{_name(one)} {one.labels.get('host', '')}".strip(): one.state.value for one in self.alerts.board.open()
        }

    def told(self) -> list[str]:
        """Return the kinds of events, in order."""
        return [event.kind for event in self.beside.events.values()]

    def rules(self, text: str) -> None:
        """Write the rule file, as an editor does."""
        place = self.folder / "rules" / "own.toml"
        place.with_suffix(".new").write_text(text)
        place.with_suffix(".new").replace(place)


def _name(alert: Alert) -> str:
    return alert.labels["alertname"]


@asynccontextmanager
async def opened(
    folder: Path,
    clock: ManualClock,
    beside: Neighbours,
    settings: RecordsSettings | None = None,
    *,
    is_alone: bool = True,
) -> AsyncIterator[Room]:
    """Give a room over what is kept in ``folder``."""
    async with (
        Records(folder / "records.db", settings) as records,
        Alerts(
            records,
            AlertSettings(rules=folder / "rules", shipped=False),
            beside,
            clock,
            Ways(Recorder(), no_link),
            is_alone=is_alone,
        ) as alerts,
    ):
        yield Room(alerts, beside, clock, folder, seq=len(beside.asked) * 1000)


@pytest.fixture
def clock() -> ManualClock:
    """The hands."""
    return ManualClock()


@pytest.fixture
async def beside(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Neighbours]:
    """A real store of metrics."""
    place_records(tmp_path / "records.db")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.toml").write_text(FULL)
    async with make_store(tmp_path / "metrics", clock=clock) as store:
        yield Neighbours(store)


@pytest.fixture
async def room(tmp_path: Path, clock: ManualClock, beside: Neighbours) -> AsyncIterator[Room]:
    """A room that judges alone."""
    async with opened(tmp_path, clock, beside) as made:
        yield made


async def test_an_alert_begins_and_ends_by_what_was_measured(room: Room) -> None:
    await room.measure(web1=0.95, web2=0.5)
    await room.round(0)
    assert room.states() == {"Full web1": "firing"}
    await room.measure(web1=0.85)
    await room.round()
    assert room.states() == {"Full web1": "firing"}
    await room.measure(web1=0.5)
    await room.round()
    assert room.states() == {"Full web1": "resolved"}
    await room.round(600)
    assert room.states() == {}
    assert room.told() == ["alert.firing", "alert.resolved"]


async def test_moments_are_staggered_and_none_comes_twice(room: Room) -> None:
    room.rules(FULL + FULL.replace('"Full"', '"Other"').replace("SELECT host", "SELECT  host"))
    assert room.alerts.book.refresh()
    await room.round(0)
    seen: dict[str, set[int]] = {"Full": set(), "Other": set()}
    for _ in range(120):
        await room.round(0.25)
        for name, moments in seen.items():
            moments.add(room.alerts.judge.standings[name].at_ms)
    for moments in seen.values():
        # Three or four in half a minute, ten seconds apart once the first is over.
        later = sorted(moments)[1:]
        assert 2 <= len(later) <= 3
        assert {after - before for before, after in pairwise(later)} == {10_000}
    assert {moment % 10_000 for moment in sorted(seen["Full"])[1:]} != {
        moment % 10_000 for moment in sorted(seen["Other"])[1:]
    }


async def test_rules_of_one_statement_share_its_answer(room: Room) -> None:
    room.rules(FULL + FULL.replace('"Full"', '"Fuller"').replace("> 0.9", "> 0.94"))
    assert room.alerts.book.refresh()
    await room.measure(web1=0.95)
    await room.round(0)
    assert room.states() == {"Full web1": "firing", "Fuller web1": "firing"}
    assert len(room.beside.asked) == 1


async def test_a_statement_that_fails_makes_stale_and_is_an_alert_after_a_minute(room: Room) -> None:
    await room.measure(web1=0.95)
    await room.round(0)
    room.beside.fault = "cannot query: the disk is away"
    for _ in range(5):
        await room.round()
    assert room.states() == {"Full web1": "firing", "RuleFailing": "pending"}
    (stale,) = [one for one in room.alerts.board.open() if _name(one) == "Full"]
    assert stale.is_stale
    await room.round()
    await room.round()
    assert room.states()["RuleFailing"] == "firing"
    assert room.alerts.rules.get("Full").health == "failing"
    room.beside.fault = ""
    await room.measure(web1=0.95)
    await room.round()
    assert room.states() == {"Full web1": "firing", "RuleFailing": "resolved"}
    assert not any(one.is_stale for one in room.alerts.board.open())


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELECT range AS thing, 1 AS value FROM range(10001)", "more than 10000 of its rows fire"),
        ("SELECT host FROM disk", "without a column value"),
        ("SELECT 'x' AS value", "is no number"),
        ("SELECT nothing FROM nowhere", "nowhere"),
    ],
)
async def test_an_answer_that_is_none_says_why(room: Room, statement: str, told: str) -> None:
    room.rules(
        FULL.replace("SELECT host, mount, arg_max(used_ratio, ts) AS value FROM disk GROUP BY host, mount", statement)
    )
    assert room.alerts.book.refresh()
    await room.round(0)
    assert told in room.alerts.rules.get("Full").fault
    assert room.states() == {"RuleFailing": "pending"}


async def test_rows_that_are_alike_are_told_and_the_others_are_judged(room: Room) -> None:
    room.rules(FULL.replace("GROUP BY host, mount", "GROUP BY host, mount UNION ALL SELECT 'web1', '/', 0.99"))
    assert room.alerts.book.refresh()
    await room.measure(web1=0.5, web2=0.95)
    await room.round(0)
    assert room.states() == {"Full web1": "firing", "Full web2": "firing", "RuleFailing": "pending"}
    assert "two rows have the same labels" in room.alerts.rules.get("Full").fault


@pytest.mark.parametrize(
    ("no_data", "state", "is_stale"),
    [("resolve", "resolved", False), ("keep", "firing", True), ("alert", "firing", True)],
)
async def test_what_is_not_there_any_more(room: Room, no_data: str, state: str, is_stale: bool) -> None:
    room.rules(f'{FULL}no_data = "{no_data}"\n')
    room.alerts.book.refresh()
    await room.measure(web1=0.95)
    await room.round(0)
    # Longer than the window.
    await room.round(70)
    (full,) = [one for one in room.alerts.board.open() if _name(one) == "Full"]
    assert (full.state.value, full.is_stale) == (state, is_stale)
    assert ("NoData" in room.states()) == (no_data == "alert")
    # A rule that asks for that no longer leaves no such alert behind.
    room.rules(FULL)
    room.alerts.book.refresh()
    await room.round()
    assert room.states().get("NoData") in (None, "resolved")


async def test_a_column_cannot_say_what_the_rule_says(room: Room) -> None:
    room.rules(FULL.replace("SELECT host", "SELECT 'Evil' AS alertname, 'info' AS severity, host"))
    assert room.alerts.book.refresh()
    await room.measure(web1=0.95)
    await room.round(0)
    (full,) = room.alerts.board.open()
    assert dict(full.labels) == {"alertname": "Full", "severity": "high", "host": "web1", "mount": "/"}


async def test_a_rule_that_goes_takes_its_alerts_along(room: Room) -> None:
    await room.measure(web1=0.95)
    await room.round(0)
    room.rules("")
    assert room.alerts.book.refresh()
    # Its file may be written anew just now.
    await room.round(1)
    await room.round(59)
    assert room.states() == {"Full web1": "firing"}
    await room.round(1)
    (full,) = room.alerts.board.open()
    assert full.state is S.RESOLVED
    assert "is gone" in (await room.alerts.store.turns_of(full.id))[-1][1].cause


async def test_a_rule_that_calls_things_otherwise_leaves_none_behind(room: Room) -> None:
    room.rules(f'{FULL}no_data = "keep"\n')
    room.alerts.book.refresh()
    await room.measure(web1=0.95)
    await room.round(0)
    room.rules(f'{FULL}no_data = "keep"\nlabels.team = "web"\n')
    assert room.alerts.book.refresh()
    await room.measure(web1=0.95)
    await room.round()
    found = {one.labels.get("team", ""): one.state for one in room.alerts.board.open()}
    assert found == {"": S.RESOLVED, "web": S.FIRING}


async def test_a_rule_that_changed_while_nobody_judged_leaves_none_behind(room: Room, tmp_path: Path) -> None:
    room.rules(f'{FULL}no_data = "keep"\n')
    room.alerts.book.refresh()
    await room.measure(web1=0.95)
    await room.round(0)
    room.rules(f'{FULL}no_data = "keep"\nlabels.team = "web"\n')
    async with opened(tmp_path, room.clock, room.beside) as again:
        again.seq = 500
        await again.measure(web1=0.95)
        await again.round()
        found = {one.labels.get("team", ""): one.state for one in again.alerts.board.open()}
    assert found == {"": S.RESOLVED, "web": S.FIRING}


async def test_a_file_that_is_empty_for_a_moment_ends_nothing(room: Room) -> None:
    await room.measure(web1=0.95)
    await room.round(0)
    for text in ("", FULL, "", FULL):
        room.rules(text)
        assert room.alerts.book.refresh()
        await room.measure(web1=0.95)
        await room.round(40)
    assert room.states() == {"Full web1": "firing"}
    assert room.told() == ["alert.firing"]


async def test_alerts_of_a_host_that_was_removed_end(room: Room) -> None:
    room.rules(f'{FULL}no_data = "keep"\n')
    room.alerts.book.refresh()
    await room.measure(web1=0.95, web2=0.95)
    await room.round(0)
    room.beside.fleet = ("web2", "web3")
    await room.round(70)
    # Only what no answer tells of any more is asked about.
    await room.round(10)
    assert room.states() == {"Full web1": "resolved", "Full web2": "firing"}
    (gone,) = [one for one in room.alerts.board.open() if one.state is S.RESOLVED]
    assert "host web1 was removed" in (await room.alerts.store.turns_of(gone.id))[-1][1].cause


async def test_a_fleet_that_tells_of_nobody_ends_nothing(room: Room) -> None:
    room.rules(f'{FULL}no_data = "keep"\n')
    room.alerts.book.refresh()
    await room.measure(web1=0.95)
    await room.round(0)
    await room.round(70)
    await room.round(10)
    assert room.states() == {"Full web1": "firing"}


async def test_a_crowd_is_no_fault_of_a_rule_until_it_lasts(room: Room) -> None:
    await room.measure(web1=0.95)
    await room.round(0)
    room.beside.crowd = "cannot run query: 20 run or wait already"
    await room.clock.advance(10)
    for _ in range(3):
        assert not await room.alerts.judge.round()
    assert room.alerts.rules.get("Full").fault == ""
    assert not any(one.is_stale for one in room.alerts.board.open())
    # The moment was not lost: it is judged as soon as there is room.
    asked = len(room.beside.asked)
    room.beside.crowd = ""
    assert await room.alerts.judge.round()
    assert len(room.beside.asked) == asked + 1
    room.beside.crowd = "cannot run query: 20 run or wait already"
    for _ in range(7):
        await room.round()
    assert "wait already" in room.alerts.rules.get("Full").fault
    assert all(one.is_stale for one in room.alerts.board.open() if _name(one) == "Full")


async def test_one_statement_of_ours_runs_at_a_time(room: Room) -> None:
    others = [
        FULL.replace('"Full"', f'"Other{place}"').replace("SELECT host", f"SELECT {' ' * place}host")
        for place in range(4)
    ]
    room.rules(FULL + "".join(others))
    room.alerts.book.refresh()
    running = most = 0
    ask = room.alerts.judge._ask

    async def count(request: SqlRequest) -> SqlReply:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return await ask(request)
        finally:
            running -= 1

    room.alerts.judge._ask = count
    await room.round(0)
    assert len(room.alerts.judge.standings) == 5
    assert most == 1


async def test_what_breaks_under_one_rule_ends_no_round(room: Room) -> None:
    room.rules(FULL + FULL.replace('"Full"', '"Other"').replace("SELECT host", "SELECT 1 AS broken, host"))
    room.alerts.book.refresh()
    room.beside.broken = "broken"
    await room.measure(web1=0.95)
    await room.round(0)
    assert room.states() == {"Full web1": "firing", "RuleFailing": "pending"}
    assert "ValueError: year 10000" in room.alerts.rules.get("Other").fault


async def test_a_broken_file_changes_nothing(room: Room) -> None:
    room.rules(FULL.replace("> 0.9", "much"))
    assert not room.alerts.book.refresh()
    assert "rule.0.fires" in room.alerts.rules.all().fault
    await room.measure(web1=0.95)
    await room.round(0)
    assert room.states() == {"Full web1": "firing"}
    room.rules(FULL.replace("> 0.9", "> 0.99").replace("< 0.8", "< 0.98"))
    assert room.alerts.book.refresh()
    assert room.alerts.rules.all().fault == ""
    await room.round()
    assert room.states() == {"Full web1": "resolved"}


async def test_records_that_are_away_lose_no_moment(room: Room, tmp_path: Path) -> None:
    await room.measure(web1=0.95)
    await room.alerts.judge._lead()
    records, room.alerts.store._records = room.alerts.store._records, Records(tmp_path / "away.db")
    assert not await room.alerts.judge.round()
    assert room.states() == {}
    room.alerts.store._records = records
    assert await room.alerts.judge.round()
    assert room.states() == {"Full web1": "firing"}


async def test_an_end_that_cannot_be_kept_takes_no_moment(room: Room, tmp_path: Path) -> None:
    other = FULL.replace('"Full"', '"Other"')
    room.rules(FULL + other)
    room.alerts.book.refresh()
    await room.measure(web1=0.95)
    await room.round(0)
    room.rules(FULL)
    room.alerts.book.refresh()
    await room.round()
    before = room.alerts.judge.standings["Full"].at_ms
    records, room.alerts.store._records = room.alerts.store._records, Records(tmp_path / "away.db")
    await room.clock.advance(60)
    with pytest.raises(NagareError):
        await room.alerts.judge.round()
    room.alerts.store._records = records
    assert await room.alerts.judge.round()
    assert room.alerts.judge.standings["Full"].at_ms > before


async def test_what_was_measured_and_told_outlives_a_crash(room: Room, tmp_path: Path) -> None:
    await room.measure(web1=0.95)
    await room.round(0)
    await room.measure(web1=0.97)
    await room.round(31)
    told, events = dict(room.beside.events), room.beside.events
    # The crash came before the event was stored.
    events.clear()
    await room.clock.advance(86_400)
    async with opened(tmp_path, room.clock, room.beside) as again:
        (full,) = again.alerts.board.open()
        assert (full.state, full.value) == (S.FIRING, 0.97)
        await again.alerts._teller.flush()
        assert events == told
        # Its new server waits for no lease of the one that is gone.
        assert await again.alerts.judge._lead()


async def test_two_who_change_one_alert_are_both_heard(room: Room, tmp_path: Path) -> None:
    await room.measure(web1=0.95)
    await room.round(0)
    (full,) = room.alerts.board.open()
    async with opened(tmp_path, room.clock, room.beside, is_alone=False) as other:
        await other.alerts.acknowledge(full, LOCAL, "mine")
        # Here nobody has read that yet.
        await room.alerts.comment(full, LOCAL, "it is the log")
        await room.measure(web1=0.5)
        await room.round()
        found = await other.alerts.board.get(full.id)
    assert [turn.after for _, turn in await room.alerts.store.turns_of(full.id)] == [
        S.FIRING,
        S.ACKNOWLEDGED,
        S.ACKNOWLEDGED,
        S.RESOLVED,
    ]
    assert (found.state, found.owner) == (S.RESOLVED, "local")


async def test_a_silence_ends_when_nothing_matched_for_so_long(room: Room, tmp_path: Path) -> None:
    made = await room.alerts.silences.add(LOCAL, SilenceRequest(["host=web1"], "disks", 7200.0, idle_seconds=120.0))
    labels = {"host": "web1"}
    await room.clock.advance(100)
    await room.alerts.silences.look([labels])
    await room.clock.advance(100)
    await room.alerts.silences.look([])
    assert room.alerts.silences.over(labels) == [await room.alerts.silences.get(made.id)]
    await room.clock.advance(21)
    await room.alerts.silences.look([])
    assert room.alerts.silences.over(labels) == []
    over = await room.alerts.silences.get(made.id)
    assert (over.ended_by, over.cause) == ("nagare", "nothing matched for 120 s")


async def test_a_silence_of_another_server_holds_here_too(room: Room, tmp_path: Path) -> None:
    async with opened(tmp_path, room.clock, room.beside, is_alone=False) as other:
        made = await other.alerts.silences.add(LOCAL, SilenceRequest(['host=" web1 "'], "disks", 3600.0))
        assert (await room.alerts.silences.get(made.id)).matchers == made.matchers
        await other.alerts.silences.end(made.id, LOCAL)
        await room.clock.advance(5)
        await room.alerts.silences.follow()
        assert room.alerts.silences.over({"host": " web1 "}) == []


async def test_of_two_servers_one_judges_and_the_other_takes_over(
    tmp_path: Path, clock: ManualClock, beside: Neighbours, postgres: RecordsSettings
) -> None:
    async with (
        opened(tmp_path, clock, beside, postgres, is_alone=False) as one,
        opened(tmp_path, clock, beside, postgres, is_alone=False) as two,
    ):
        await one.measure(web1=0.95)
        await one.round(0)
        assert not await two.alerts.judge._lead()
        # The first one stands still, and does not know that it lost the lease.
        await clock.advance(16)
        two.seq = 500
        await two.measure(web1=0.97)
        assert await two.alerts.judge._lead()
        await two.alerts.judge.round()
        await two.measure(web1=0.1)
        await clock.advance(10)
        await one.alerts.judge.round()
        (full,) = await two.alerts.store.load_open()
        assert full.state is S.FIRING
        await two.round(0)
        (full,) = await two.alerts.store.load_open()
        assert [turn.after for _, turn in await two.alerts.store.turns_of(full.id)] == [S.FIRING, S.RESOLVED]
        assert not await one.alerts.judge._lead()


async def test_a_long_answer_holds_nobody_up(room: Room) -> None:
    room.rules(
        FULL.replace("FROM disk GROUP BY host, mount", "FROM disk GROUP BY host, mount").replace(
            "SELECT host, mount, arg_max(used_ratio, ts) AS value FROM disk GROUP BY host, mount",
            "SELECT 'web' || range AS host, 0.1 AS value FROM range(10000)",
        )
    )
    room.alerts.book.refresh()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        counting = tasks.create_task(count())
        await room.round(0)
        counting.cancel()
    assert room.alerts.rules.get("Full").rows == 10_000
    assert turns > 40
