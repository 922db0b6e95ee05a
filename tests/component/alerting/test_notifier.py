"""From alerts on the board to messages, over real records and a real file of routes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import text

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.alerts.views import sees_all
from nagare.alerting.notify.room import Ways
from nagare.alerting.notify.wanted import DeliveriesWanted
from nagare.alerting.service import Alerts
from nagare.config.settings import AlertSettings, RecordsSettings
from nagare.errors import ConflictError, InputError, NotFoundError
from nagare.lib.clock import Clock, ManualClock, SystemClock
from nagare.model.alert.alert import Alert, AlertState, Transition
from nagare.model.event import Event, Severity
from nagare.model.notify.incident import FIRING
from nagare.model.notify.notice import Delivery
from nagare.model.notify.sending import NotSent
from nagare.model.principal import ADMIN_PERMISSIONS, Principal, PrincipalKind
from nagare.records.engine import Records
from nagare.wire.alerts import SilenceRequest
from nagare.wire.sql import SqlColumn, SqlReply, SqlRequest
from tests.support.migrated import place_records
from tests.support.notify_room import Recorder, Steps, alert, delivery, no_link

S = AlertState
LOCAL = Principal("t1", "local", ADMIN_PERMISSIONS, kind=PrincipalKind.LOCAL)
ROUTES = """
[route]
receiver = "ops"
group_by = ["alertname"]
group_wait = "30s"

[[receiver]]
name = "ops"
[[receiver.channel]]
kind = "terminal"
name = "phone"
per_minute = 600
"""
RACKS = ROUTES.replace('["alertname"]', '["rack"]')
NOW = ROUTES.replace('"30s"', '"0s"')


@dataclass
class Beside:
    """Hosts with labels, and events that are kept."""

    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    maintenance: dict[str, str] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)

    async def ask(self, _request: SqlRequest) -> SqlReply:
        return SqlReply([SqlColumn("host", "VARCHAR")], [], truncated=False, tier="raw", elapsed_ms=1.0)

    async def event_happened(self, event: Event) -> None:
        self.events[event.id] = event

    def maintenance_of(self, host: str) -> str:
        return self.maintenance.get(host, "")

    def labels_of(self, host: str) -> Mapping[str, str]:
        return self.labels.get(host, {})


@dataclass
class Rig:
    """A room whose looks the test makes."""

    alerts: Alerts
    beside: Beside
    post: Recorder
    clock: ManualClock
    steps: Steps

    async def fire(self, *made: Alert) -> None:
        """Put alerts onto the board, as a rule does."""
        await self.alerts.board.apply(
            [Step(one, (Transition(one.changed_ms, None, one.state, "rule", "x"),)) for one in made]
        )

    async def turn(self, verb: Callable[[Alert], Step | None], *names: str) -> None:
        """Do ``verb`` with alerts."""
        for name in names:
            _, is_changed = await self.alerts.board.change(name, verb)
            assert is_changed

    async def resolve(self, *names: str) -> None:
        """Let alerts end."""
        await self.turn(lambda one: lifecycle.resolve(one, "rule", "calm", self.clock.now_ms()), *names)

    async def look(self, seconds: float = 0.0) -> list[tuple[str, int, int]]:
        """Let time pass, look once, and return what is sent: reason, firing and resolved."""
        await self.clock.advance(seconds)
        before, known = len(self.post.sent), await self._ids()
        await self.alerts.notifier.planner.look()
        made = await self._ids() - known
        await self.post.until(lambda: made <= set(self.post.ids()))
        return [_told(one) for _, one, _, _ in self.post.sent[before:]]

    async def _ids(self) -> set[str]:
        return {one.id for one in await self.alerts.notifier.store.find_all(DeliveriesWanted(), None, 1000)}


def _told(one: Delivery) -> tuple[str, int, int]:
    return str(one.notice.reason), one.notice.firing_count, one.notice.resolved_count


@asynccontextmanager
async def opened(
    folder: Path, clock: Clock, routes: str = ROUTES, rules: str = "", settings: RecordsSettings | None = None
) -> AsyncIterator[tuple[Alerts, Beside, Recorder]]:
    """Give a room over what is kept in ``folder``; nothing of it runs."""
    if settings is None:
        place_records(folder / "records.db")
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "own.toml").write_text(rules)
    (folder / "notify.toml").write_text(routes)
    beside, post = Beside(), Recorder()
    given = AlertSettings(rules=folder / "rules", shipped=False, notify_file=folder / "notify.toml")
    async with (
        Records(folder / "records.db", settings) as records,
        Alerts(records, given, beside, clock, Ways(post, no_link), is_alone=settings is None) as alerts,
    ):
        yield alerts, beside, post


@asynccontextmanager
async def rigged(
    folder: Path, routes: str = ROUTES, rules: str = "", clock: ManualClock | None = None
) -> AsyncIterator[Rig]:
    """Give a room that judges, and whose outbox runs."""
    clock = clock or ManualClock()
    async with opened(folder, clock, routes, rules) as (alerts, beside, post), asyncio.TaskGroup() as tasks:
        assert await alerts.judge._lead()
        steps = alerts.notifier.outbox._observer = Steps()
        running = tasks.create_task(alerts.notifier.outbox.run())
        yield Rig(alerts, beside, post, clock, steps)
        running.cancel()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """One with the routes of most tests."""
    async with rigged(tmp_path) as made:
        yield made


async def test_an_alert_is_told_after_the_wait_and_its_end_after_the_interval(rig: Rig) -> None:
    await rig.fire(alert("a1", host="web1"))
    assert await rig.look() == []
    assert await rig.look(29) == []
    assert await rig.look(1) == [("first notification", 1, 0)]
    assert await rig.look(100) == []
    await rig.resolve("a1")
    assert await rig.look() == []
    assert await rig.look(200) == [("all alerts resolved", 0, 1)]
    (incident,) = (await rig.alerts.notifier.incidents(None, "", 10, sees_all)).incidents
    assert (incident.is_open, incident.notices, incident.told_to) == (False, 2, ["ops"])


async def test_a_rack_that_falls_is_one_notification(tmp_path: Path) -> None:
    async with rigged(tmp_path, RACKS) as rig:
        names = [f"h{number:02d}" for number in range(40)]
        rig.beside.labels = {name: {"rack": "r1"} for name in names} | {"other": {"rack": "r2"}}
        await rig.fire(*(alert(f"a{name}", alertname="HostDown", host=name) for name in names[:25]))
        assert await rig.look() == []
        await rig.fire(*(alert(f"a{name}", alertname="HostDown", host=name) for name in names[25:]))
        assert await rig.look(30) == [("first notification", 40, 0)]
        (sent,) = [one for _, one, _, _ in rig.post.sent]
        assert sent.notice.labels == {"rack": "r1"}
        assert len({line.host for line in sent.notice.firing}) == 40
        # One label of the alert's own counts more than its host's.
        await rig.fire(alert("own", host="h00", rack="r9"), alert("far", host="other"))
        await rig.look()
        assert sorted(await rig.look(30)) == [("first notification", 1, 0)] * 2
        (_, *others) = (await rig.alerts.notifier.incidents(True, "", 10, sees_all)).incidents
        assert len(others) == 2


INHIBITED = """
[[inhibit]]
name = "switch"
sources = ["alertname=SwitchDown"]
targets = ["alertname=HostDown"]
equal = ["switch"]
"""


async def test_a_switch_that_falls_is_one_notification_and_the_rest_is_explained(tmp_path: Path) -> None:
    async with rigged(tmp_path, ROUTES, INHIBITED) as rig:
        hosts = [alert(f"a{number:02d}", alertname="HostDown", host=f"h{number}", switch="s1") for number in range(40)]
        await rig.fire(alert("sw", alertname="SwitchDown", host="s1", switch="s1"), *hosts)
        await rig.look()
        assert await rig.look(30) == [("first notification", 1, 0)]
        assert [line.name for line in rig.post.sent[0][1].notice.firing] == ["SwitchDown"]
        for one in hosts:
            why = await rig.alerts.why(await rig.alerts.get(one.id, sees_all), sees_all)
            steps = {step.step: step for step in why.steps}
            assert not why.is_told
            assert "SwitchDown" in steps["inhibition"].text
            assert steps["route"].text == "route root to ops, grouped as alertname=HostDown"
            assert steps["incident"].text == "it is in no open incident"
        await rig.steps.until("noted", 1)
        told = await rig.alerts.why(await rig.alerts.get("sw", sees_all), sees_all)
        assert told.is_told
        # Once the switch is up again and hosts are still down, people hear of them.
        await rig.resolve("sw")
        await rig.look()
        assert await rig.look(30) == [("first notification", 40, 0)]


async def test_who_wonders_is_told_what_is_waited_for_and_how_notices_went(rig: Rig) -> None:
    await rig.fire(alert("a1", host="web1"))
    await rig.look()

    async def steps() -> dict[str, str]:
        why = await rig.alerts.why(await rig.alerts.get("a1", sees_all), sees_all)
        return {step.step: step.text for step in why.steps}

    assert (await steps())["incident"].endswith("no notice was made yet; nothing was said of it yet")
    detail = await rig.alerts.detail(await rig.alerts.get("a1", sees_all), sees_all)
    assert detail.incidents == [incident.id for incident in rig.alerts.notifier.planner.incidents]
    assert "what is new is told at" in (await steps())["waiting"]
    rig.post.always["ops/phone"] = NotSent("busy")
    await rig.look(30)
    await rig.steps.until("noted", 1)
    found = await steps()
    assert "notice 1 was made; the last word on it is firing" in found["incident"]
    assert "it is told again at" in found["waiting"]
    assert "notice 1 (first notification) to ops/phone: waits until" in found["notification"]
    assert found["notification"].endswith("after 1 try: busy")
    # It waits: nobody has heard of it.
    assert not (await rig.alerts.why(await rig.alerts.get("a1", sees_all), sees_all)).is_told
    await rig.turn(lambda one: lifecycle.acknowledge(one, "ann", "mine", rig.clock.now_ms()), "a1")
    await rig.fire(alert("a2", host="web2"))
    assert "it is told again" not in (await steps())["waiting"]


async def test_who_wonders_hears_that_no_channel_takes_it(tmp_path: Path) -> None:
    routes = NOW.replace("per_minute = 600", 'per_minute = 600\nseverity = "critical"')
    async with rigged(tmp_path, routes) as rig:
        await rig.fire(alert("a1", host="web1"))
        why = await rig.alerts.why(await rig.alerts.get("a1", sees_all), sees_all)
        assert [step.text for step in why.steps if not step.passes] == ["it is in no open incident"]
        await rig.look()
        why = await rig.alerts.why(await rig.alerts.get("a1", sees_all), sees_all)
        assert not why.is_told
        (wrong,) = [step.text for step in why.steps if not step.passes]
        asked = "the worst of it is high; ops/phone takes critical and worse"
        assert wrong == f"notice 1 went to no channel: {asked}"


async def test_one_old_notice_that_died_does_not_count_against_those_that_arrived(tmp_path: Path) -> None:
    async with rigged(tmp_path, NOW) as rig:
        rig.post.answers["ops/phone"].append(NotSent("no such user", is_final=True))
        await rig.fire(alert("a1", host="web1"))
        await rig.look()
        await rig.steps.until("noted", 1)
        assert not (await rig.alerts.why(await rig.alerts.get("a1", sees_all), sees_all)).is_told
        await rig.fire(alert("a2", host="web2"))
        await rig.look()
        assert await rig.look(300) == [("new alerts added", 2, 0)]
        await rig.steps.until("noted", 2)
        assert (await rig.alerts.why(await rig.alerts.get("a1", sees_all), sees_all)).is_told


async def test_what_an_alert_is_called_and_how_bad_it_is_is_looked_at_when_it_changes(rig: Rig) -> None:
    await rig.fire(alert("a1", host="web1"))
    (first,) = rig.alerts.board.open()
    versions = [rig.alerts.board.version]
    changes = ({"value": 0.7}, {"severity": Severity.CRITICAL}, {"labels": {**first.labels, "team": "db"}})
    for change in changes:
        first = replace(first, **change)
        await rig.alerts.board.apply([Step(first)])
        versions.append(rig.alerts.board.version)
    assert [after - before for before, after in pairwise(versions)] == [0, 1, 1]


async def test_what_holds_an_alert_back_is_looked_at_all_the_time(rig: Rig) -> None:
    silence = await rig.alerts.silences.add(LOCAL, SilenceRequest(["host=web1"], "x", 3600.0))
    rig.beside.maintenance["web2"] = "new disks"
    await rig.fire(alert("a1", alertname="A", host="web1"), alert("a2", alertname="B", host="web2"))
    assert await rig.look() == []
    assert await rig.look(60) == []
    await rig.alerts.silences.end(silence.id, LOCAL)
    rig.beside.maintenance.clear()
    await rig.look()
    assert sorted(await rig.look(30)) == [("first notification", 1, 0)] * 2


async def test_the_end_of_an_alert_that_left_the_board_is_read_from_the_records(rig: Rig) -> None:
    await rig.fire(alert("a1", host="web1"), alert("a2", host="web2"))
    await rig.look()
    await rig.look(30)
    await rig.resolve("a1")
    await rig.turn(
        lambda one: Step(replace(one, state=S.CLOSED), (Transition(1, S.RESOLVED, S.CLOSED, "r", "x"),)), "a1"
    )
    assert [one.id for one in rig.alerts.board.open()] == ["a2"]
    assert await rig.look() == []
    assert await rig.look(300) == [("some alerts resolved", 1, 1)]
    assert [line.id for line in rig.post.sent[-1][1].notice.resolved] == ["a1"]


async def test_the_end_is_told_even_of_an_alert_of_which_nothing_is_kept(rig: Rig) -> None:
    await rig.fire(alert("a1", host="web1"))
    await rig.look()
    await rig.look(30)
    (incident,) = rig.alerts.notifier.planner.incidents
    rig.alerts.notifier.planner._incidents[incident.id] = replace(incident, told={**incident.told, "lost": FIRING})
    await rig.resolve("a1")
    await rig.look()
    assert await rig.look(300) == [("all alerts resolved", 0, 2)]


async def test_what_was_kept_goes_on_after_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    async with rigged(tmp_path, clock=clock) as rig:
        await rig.fire(alert("a1", host="web1"))
        await rig.look()
    await clock.advance(30)
    async with rigged(tmp_path, clock=clock) as rig:
        assert await rig.look() == [("first notification", 1, 0)]
        await rig.steps.until("noted", 1)
    async with rigged(tmp_path, clock=clock) as rig:
        assert await rig.look() == []
        await rig.resolve("a1")
        await rig.look()
        assert await rig.look(300) == [("all alerts resolved", 0, 1)]


async def test_who_does_not_judge_tells_nobody(tmp_path: Path) -> None:
    async with rigged(tmp_path, NOW) as rig:
        rig.alerts.judge._term = None
        await rig.fire(alert("a1", host="web1"))
        assert await rig.look() == []
        # One that believes to judge, and does not any more, neither.
        rig.alerts.judge._term = 7
        assert await rig.look() == []
        assert await rig.look(1) == []
        rig.alerts.judge._term = 1
        assert await rig.look(1) == [("first notification", 1, 0)]


async def test_records_that_are_away_hold_a_notice_up_for_seconds(tmp_path: Path) -> None:
    async with rigged(tmp_path, NOW) as rig, asyncio.TaskGroup() as tasks:
        await rig.fire(alert("a1", host="web1"))
        planner = rig.alerts.notifier.planner
        planner._observer = rig.steps
        writer = planner._store._records._writer
        # As many requests wait as may.
        writer._waiting += 1000
        running = tasks.create_task(planner.run())
        await rig.steps.until("planned", 1)
        await asyncio.sleep(0)
        writer._waiting -= 1000
        assert rig.alerts.counters.get("plans_failed") == 1
        await rig.clock.advance(5)
        await rig.post.until(lambda: len(rig.post.sent) == 1)
        running.cancel()


async def test_of_two_servers_the_one_that_judges_tells_and_nobody_is_told_twice(
    tmp_path: Path, migrated: RecordsSettings
) -> None:
    clock = ManualClock()
    async with (
        opened(tmp_path, clock, settings=migrated) as (first, _, one),
        opened(tmp_path, clock, settings=migrated) as (second, _, other),
        asyncio.TaskGroup() as tasks,
    ):
        assert await first.judge._lead()
        running = [tasks.create_task(room.notifier.outbox.run()) for room in (first, second)]
        fired = alert("a1", host="web1")
        await first.board.apply([Step(fired, (Transition(1, None, fired.state, "rule", "x"),))])
        await first.notifier.planner.look()
        # The first is away for longer than its lease, and does not know.
        await clock.advance(31)
        assert await second.judge._lead()
        assert first.judge.leads
        await asyncio.gather(*(room.notifier.planner.look() for room in (first, second)))
        await first.notifier.planner.look()
        await other.until(lambda: len(other.sent) == 1)
        assert (len(one.sent), [_told(sent) for _, sent, _, _ in other.sent]) == (0, [("first notification", 1, 0)])
        kept = await first.notifier.store.find_all(DeliveriesWanted(), None, 10)
        assert len(kept) == 1
        for task in running:
            task.cancel()


async def test_what_was_given_up_is_sent_when_somebody_asks(tmp_path: Path) -> None:
    async with rigged(tmp_path, NOW) as rig:
        rig.post.answers["ops/phone"].append(NotSent("no such user", is_final=True))
        await rig.fire(alert("a1", host="web1"))
        await rig.look()
        await rig.steps.until("noted", 1)
        await asyncio.sleep(0)
        await rig.alerts._teller.flush()
        assert "notification.dead" in [event.kind for event in rig.beside.events.values()]
        notifier = rig.alerts.notifier
        (dead,) = (await notifier.deliveries(DeliveriesWanted(states=("dead",)), "", 10, sees_all)).notifications
        assert (dead.fault, dead.alertnames, dead.channel) == ("no such user", ["Full"], "ops/phone")
        assert (await notifier.retry(dead.id)).state == "waiting"
        await rig.steps.until("noted", 2)
        detail = await notifier.delivery(dead.id, sees_all)
        assert detail.notification.state == "sent"
        assert [one.fault for one in detail.attempts] == ["no such user", ""]
        assert [one.host for one in detail.firing] == ["web1"]
        for verb in (notifier.retry, notifier.drop):
            with pytest.raises(ConflictError, match="it is sent"):
                await verb(dead.id)
            with pytest.raises(NotFoundError):
                await verb("none")


async def test_who_sees_some_hosts_sees_what_is_told_of_them(tmp_path: Path) -> None:
    async with rigged(tmp_path, NOW) as rig:
        await rig.fire(alert("a1", host="web1"), alert("a2", host="db1"), alert("b1", alertname="Other", host="db1"))
        await rig.look()
        notifier = rig.alerts.notifier

        def sees(host: str) -> bool:
            return host == "web1"

        (one,) = (await notifier.deliveries(DeliveriesWanted(), "", 10, sees)).notifications
        assert [line.host for line in (await notifier.delivery(one.id, sees)).firing] == ["web1"]
        (incident,) = (await notifier.incidents(None, "", 10, sees)).incidents
        detail = await notifier.incident(incident.id, sees)
        assert [found.id for found in detail.alerts] == ["a1"]
        # Of what is on other hosts there is neither a name nor a number.
        assert (incident.firing, detail.incident.firing) == (1, 1)
        assert [(found.alertnames, found.firing) for found in detail.notifications] == [(["Full"], 1)]
        assert (one.firing, (await notifier.delivery(one.id, sees)).notification.firing) == (1, 1)
        (whole,) = (await notifier.deliveries(DeliveriesWanted(incident=incident.id), "", 10, sees_all)).notifications
        assert whole.firing == 2
        (hidden,) = [
            found for found in (await notifier.incidents(None, "", 10, sees_all)).incidents if found.id != incident.id
        ]
        with pytest.raises(NotFoundError):
            await notifier.incident(hidden.id, sees)
        others = (await notifier.deliveries(DeliveriesWanted(incident=hidden.id), "", 10, sees_all)).notifications
        with pytest.raises(NotFoundError):
            await notifier.delivery(others[0].id, sees)


async def test_lists_go_on_where_they_ended(tmp_path: Path) -> None:
    async with rigged(tmp_path, NOW) as rig:
        await rig.fire(*(alert(f"a{number}", alertname=f"A{number}", host="web1") for number in range(7)))
        await rig.look()
        notifier = rig.alerts.notifier
        first = await notifier.incidents(True, "", 4, sees_all)
        rest = await notifier.incidents(True, first.next, 4, sees_all)
        assert len({one.id for one in (*first.incidents, *rest.incidents)}) == 7
        assert rest.next == ""
        page = await notifier.deliveries(DeliveriesWanted(), "", 4, sees_all)
        others = await notifier.deliveries(DeliveriesWanted(), page.next, 4, sees_all)
        assert len({one.id for one in (*page.notifications, *others.notifications)}) == 7
        for bad in ("x", "1", "1.a'b"):
            with pytest.raises(InputError):
                await notifier.deliveries(DeliveriesWanted(), bad, 4, sees_all)


async def test_a_test_goes_the_same_way(rig: Rig) -> None:
    await rig.alerts.notifier.planner.look()
    (made,) = await rig.alerts.notifier.test("ops")
    assert (made.reason, made.state, made.channel) == ("test", "waiting", "ops/phone")
    await rig.post.until(lambda: made.id in rig.post.ids())
    with pytest.raises(NotFoundError, match="none of that name"):
        await rig.alerts.notifier.test("nobody")


async def test_receivers_are_shown_without_secrets(rig: Rig) -> None:
    view = rig.alerts.notifier.receivers()
    assert (view.route.receiver, view.fault) == ("ops", "")
    assert [channel.key for one in view.receivers for channel in one.channels] == ["ops/phone"]


async def test_what_is_old_is_forgotten_with_the_alerts(tmp_path: Path) -> None:
    async with rigged(tmp_path, NOW) as rig:
        await rig.fire(alert("a1", host="web1"))
        await rig.look()
        await rig.steps.until("noted", 1)
        await rig.resolve("a1")
        await rig.look(300)
        await rig.steps.until("noted", 2)
        await rig.alerts.notifier.forget(rig.clock.now_ms())
        assert len((await rig.alerts.notifier.incidents(None, "", 10, sees_all)).incidents) == 1
        await rig.alerts.notifier.forget(rig.clock.now_ms() + 1)
        assert (await rig.alerts.notifier.incidents(None, "", 10, sees_all)).incidents == []
        assert (await rig.alerts.notifier.deliveries(DeliveriesWanted(), "", 10, sees_all)).notifications == []


async def test_from_the_turn_of_a_rule_to_the_channel_it_takes_well_under_a_second(tmp_path: Path) -> None:
    async with opened(tmp_path, SystemClock(), NOW) as (alerts, _, post), asyncio.TaskGroup() as tasks:
        assert await alerts.judge._lead()
        running = tasks.create_task(alerts.notifier.run())
        waits = []
        for number in range(5):
            one = alert(f"a{number}", alertname=f"A{number}", host="web1")
            began = time.monotonic()
            await alerts.board.apply([Step(one, (Transition(1, None, one.state, "rule", "x"),))])
            await post.until(lambda count=number + 1: len(post.sent) == count)  # type: ignore[misc]
            waits.append(time.monotonic() - began)
        running.cancel()
    assert min(waits) < 0.5, waits


async def _run(rig: Rig, statement: str) -> None:
    """Do with the records what no server does."""
    await rig.alerts.store._records.write(lambda connection: connection.execute(text(statement)))


async def test_an_incident_that_cannot_be_written_costs_the_others_nothing(tmp_path: Path) -> None:
    async with rigged(tmp_path, NOW) as rig:
        refuse = "CREATE TRIGGER t BEFORE INSERT ON incidents WHEN NEW.labels LIKE '%Bad%' BEGIN SELECT RAISE(ABORT, 'no'); END"
        await _run(rig, refuse)
        await rig.fire(*(alert(f"a{name}", alertname=name, host="web1") for name in ("A", "Bad", "C")))
        assert len(await rig.look()) == 2
        assert rig.alerts.counters.get("incidents_skipped") == 1
        await _run(rig, "DROP TRIGGER t")
        assert await rig.look() == [("first notification", 1, 0)]


async def test_rows_that_nobody_can_read_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with rigged(tmp_path, NOW) as rig:
        await rig.fire(*(alert(f"a{name}", alertname=name, host="web1") for name in ("A", "B")))
        await rig.look()
        for table in ("incidents", "alerts"):
            await _run(rig, f"UPDATE {table} SET labels = '{{' WHERE labels LIKE '%\"A\"%'")
        (left,) = await rig.alerts.notifier.store.load_open()
        assert left.labels == {"alertname": "B"}
        assert [one.id for one in await rig.alerts.store.load_open()] == ["aB"]
        assert "incidents_not_read count=1: JSONDecodeError" in caplog.text


async def test_an_alert_that_nobody_can_read_is_not_told_to_be_over(tmp_path: Path) -> None:
    clock = ManualClock()
    async with rigged(tmp_path, NOW, clock=clock) as rig:
        await rig.fire(alert("a1", host="web1"))
        await rig.look()
        await rig.steps.until("noted", 1)
        await _run(rig, "UPDATE alerts SET annotations = '{'")
    async with rigged(tmp_path, NOW, clock=clock) as rig:
        assert list(rig.alerts.board.open()) == []
        assert await rig.look(600) == []
        assert len(await rig.alerts.notifier.store.load_open()) == 1


async def test_a_run_after_another_reads_anew_what_is_kept(tmp_path: Path) -> None:
    async with opened(tmp_path, SystemClock(), NOW) as (alerts, _, post):
        assert await alerts.judge._lead()
        for count in (1, 2):
            one = alert(f"a{count}", alertname=f"A{count}", host="web1")
            await alerts.board.apply([Step(one, (Transition(1, None, one.state, "rule", "x"),))])
            # What only the records have is sent as well.
            await alerts.notifier.store.add([delivery(f"i{count}")], alerts.notifier.outbox.bounds)
            running = asyncio.create_task(alerts.notifier.run())
            await post.until(lambda count=count: len(post.sent) == 2 * count)  # type: ignore[misc]
            running.cancel()
            await asyncio.wait([running])


async def test_a_storm_holds_nobody_up(tmp_path: Path) -> None:
    async with rigged(tmp_path, NOW.replace('"alertname"', '"host"')) as rig:
        storm = [alert(f"a{number:05d}", host=f"h{number % 100}", mount=f"m{number}") for number in range(2000)]
        for start in range(0, len(storm), 500):
            await rig.fire(*storm[start : start + 500])
        # No callback may hold the loop: the guard of all tests looks.
        await rig.alerts.notifier.planner.look()
        assert len(rig.alerts.notifier.planner.incidents) == 100


async def test_who_was_told_instead_hears_of_the_end_and_who_was_not_does_not(tmp_path: Path) -> None:
    boss = '[[receiver]]\nname = "boss"\n[[receiver.channel]]\nkind = "terminal"\nname = "phone"\n'
    async with rigged(tmp_path, NOW.replace('name = "ops"', 'name = "ops"\nfallback = "boss"') + boss) as rig:
        rig.post.answers["ops/phone"].append(NotSent("no such user", is_final=True))
        await rig.fire(alert("a1", host="web1"))
        await rig.look()
        await rig.post.until(lambda: len(rig.post.ids("boss/phone")) == 1)
        await rig.fire(alert("b1", alertname="Other", host="web1"))
        assert await rig.look() == [("first notification", 1, 0)]
        await rig.resolve("a1", "b1")
        await rig.look()
        assert await rig.look(300) == [("all alerts resolved", 0, 1)] * 3
        ends = [one.notice.incident for key, one, _, _ in rig.post.sent if key == "boss/phone"]
        assert ends == [ends[0]] * 2
