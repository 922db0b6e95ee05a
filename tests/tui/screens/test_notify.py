"""How people are told, on screen 4: incidents with their timeline, notifications that reached nobody, routes, heartbeats."""

import msgspec
import pytest

from nagare.errors import ConflictError, DeadlineExceededError, NotFoundError, PermissionDeniedError
from nagare.tui.source import Disconnected
from nagare.wire.events import EventView
from nagare.wire.live import EventFrame
from tests.tui.alerts import alert_of
from tests.tui.fleet import NOW_MS, FleetSource, host_names
from tests.tui.notify import heartbeat_of, incident_of, notice_of, receivers_of
from tests.tui.stage import SIZES, Scene, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")


def _source() -> FleetSource:
    source = FleetSource(host_names(4))
    source.alerts_held.put(
        alert_of("DiskFull", "web-1", 3, seconds=7200), alert_of("DiskFull", "db-1", 2, seconds=200),
        alert_of("CpuBusy", "web-1", 1, "acknowledged", owner="ada"),
    )  # fmt: skip
    far = source.notify_held
    far.put_incident(incident_of("inc1"), "diskfull-web-1", "diskfull-db-1")
    far.put_incident(incident_of("inc2", is_waiting=False, labels={"alertname": "CpuBusy"}), "cpubusy-web-1")
    far.put_incident(incident_of("inc3", is_open=False, labels={}))
    far.put(
        notice_of("n1", "dead", seconds=700_000), notice_of("n2", "waiting", channel="ops/mail", kind="apprise"),
        notice_of("n3", incident="inc2", seconds=90, alertnames=["CpuBusy"]), notice_of("n4", "dropped", seconds=700, fault="gone"),
    )  # fmt: skip
    far.put_heartbeats(heartbeat_of("sync"), heartbeat_of("backup", "missing"), heartbeat_of("report", "failed"))
    return source


def _states(top: Scene, *words: str) -> list[str]:
    """Return the states of the rows, from the top: each stands behind its glyph."""
    rows = [line.split() for line in top.lines()]
    return [row[1] for row in rows if len(row) > 1 and len(row[0]) == 1 and row[1] in words]


@pytest.mark.parametrize("size", SIZES)
async def test_the_lists_are_reached_by_their_keys(size: tuple[int, int]) -> None:
    async with scene("alerts", size, source=_source()) as top:
        await top.shows("DiskFull", "undelivered ⊠ 1", "Notifications ⊠1")
        await top.press("I")
        await top.shows("▸ alerts ▸ incidents", "1 incident waits for somebody", "all alerts")
        assert _states(top, "firing", "open", "resolved") == ["firing", "open", "resolved"]
        await top.press("N")
        await top.shows("▸ alerts ▸ notifications", "1 reached nobody (ops/hook)", "DiskFull (2", "cannot reach")
        # What is dead is seen however old it is: the time that is shown ends before it.
        assert _states(top, "dead", "waiting", "sent", "dropped") == ["dead", "waiting", "sent", "dropped"]
        await top.press("P")
        await top.shows("▸ alerts ▸ routes", "mute now: nights", "oncall", "nobody: mute")
        await top.press("B")
        await top.shows("▸ alerts ▸ heartbeats", "∅ missing", "✘ failed", "⊕ ok")
        await top.press("escape")
        await top.shows("▸ overview", "undelivered ⊠ 1")


async def test_what_reached_nobody_is_filtered_sent_again_and_counted_on_every_screen() -> None:
    source = _source()
    source.notify_held.put(notice_of("n5", "dead", "inc2", channel="ada/phone", seconds=20))
    async with scene("hosts", (120, 40), source=source) as top:
        far = source.notify_held
        await top.shows("▸ hosts", "undelivered ⊠ 2")
        await top.app.act("screen.undelivered")
        await top.shows("2 of 5", "ada/phone")
        assert _states(top, "dead", "waiting", "sent", "dropped") == ["dead", "dead"]
        await top.press("space", "space", "T")
        await top.shows("Send again?", "ada/phone (dead): DiskFull (2 firing)", "ops/hook (dead)", "connection refused")
        await top.press("enter")
        assert not any(asked.startswith("retry") for asked in far.asked)
        await top.press("2", "enter")
        await top.shows("sent again: 2 notifications")
        assert {"retry n1", "retry n5"} <= set(far.asked)
        await top.until(lambda: "undelivered" not in top.text() and "⊠" not in top.text(), "a screen without the dead")
        # Another one: the event tells of it before the next look.
        far.put(notice_of("n6", "dead", seconds=1))
        event = EventView("e1", NOW_MS, "", "notification.dead", 2, "alerting", "given up", {})
        top.put(EventFrame(event))
        await top.shows("undelivered ⊠ 1", "Notifications ⊠1")


async def test_a_notification_is_shown_with_its_tries_and_given_up() -> None:
    async with scene("notifications?filter=state:dead", (120, 40), source=_source()) as top:
        await top.shows("1 of 4")
        await top.press("enter")
        await top.shows(
            "dead: it reached nobody, 3 tries", "What it tells", "web-1: DiskFull on web-1", "try 3 failed after 250ms"
        )
        await top.press("X")
        await top.shows("Give up?", "ops/hook (dead)")
        await top.press("enter")
        await top.shows("given up: ops/hook", "0 of 3")
        assert "drop n1" in top.source.notify_held.asked
        await top.press("escape")
        await top.shows("dropped")
        top.source.notify_held.refuses = ConflictError("cannot drop notification: it is sent")
        await top.press("home", "X", "enter")
        await top.shows("given up: 0 of 1", "it is sent")
        await top.press("i")
        await top.shows("▸ incidents ▸ alertname=DiskFull", "Alerts  Notifications  Timeline")


async def test_an_incident_is_taken_in_hand_as_a_whole() -> None:
    async with scene("incidents", (120, 40), source=_source()) as top:
        await top.shows("alertname=DiskFull")
        await top.press("a")
        await top.shows("Take all in hand", "2 alerts", "DiskFull web-1 (firing)", "DiskFull db-1 (firing)")
        await top.type("on it")
        await top.press("enter")
        await top.shows("in hand: 2 of 2 alerts of alertname=DiskFull")
        assert {"ack diskfull-web-1 on it", "ack diskfull-db-1 on it"} <= set(top.source.alerts_held.asked)
        await top.press("a")
        await top.shows("every alert of it is in hand, or over")


async def test_an_incident_leads_to_its_alerts_notifications_timeline_and_to_the_host_at_that_time() -> None:
    async with scene("incidents", (120, 40), source=_source()) as top:
        await top.shows("alertname=DiskFull")
        await top.press("enter")
        await top.shows("◉ firing 2 firing", "nobody has it in hand for 9m30s", "told to ops", "DiskFull on web-1")
        await top.press("right_square_bracket")
        await top.shows("⊠ dead", "◒ waiting", "cannot reach http:")
        await top.press("right_square_bracket")
        await top.shows(
            "the incident began", "ada", "said: looking", "try 3 failed: cannot reach", "given up: it reached nobody"
        )
        # The newest is on top; what is about a notification opens it.
        await top.press("end", "enter")
        await top.shows("Notification: ops/hook", "Tries")
        await top.press("enter")
        await top.shows("◉ firing 2 firing", "DiskFull on web-1")
        await top.press("home", "H")
        await top.shows("▸ hosts ▸ web-1", "REPLAY")
        start_ms, end_ms = top.app.page.location.window.bounds_ms(top.clock.now_ms())
        assert start_ms < top.clock.now_ms() - 7_200_000 < end_ms
        await top.press("backspace", "escape")
        await top.shows("▸ alerts ▸ incidents", "all alerts")
        assert top.app.page.item_at_cursor().id == "inc1"  # type: ignore[attr-defined]


async def test_a_receiver_is_tested_behind_its_name_and_the_test_is_seen() -> None:
    async with scene("routes", (120, 40), source=_source()) as top:
        far = top.source.notify_held
        await top.shows("team=db", "bob", "hook (webhook), ", "bob · ops")
        await top.press("down", "enter")
        await top.shows("Route team=db", "which is now", "T tests oncall")
        await top.press("T")
        await top.shows("Send a test?", "ada/phone", "bob/phone", "phones ring")
        await top.press("enter")
        assert "test oncall" not in far.asked
        await top.type("oncall")
        await top.press("enter")
        await top.shows("▸ notifications", "◒ waiting", "1 of 5", "a test is on its way on 1 channels")
        assert "test oncall" in far.asked
        far.told = receivers_of("cannot read notify.toml: line 3")
        await top.press("P")
        await top.shows("what held before holds on: cannot read notify.toml: line 3")
        await top.press("end")
        await top.until(lambda: "T Test" not in top.text(), "a footer without a test of a mute")


async def test_a_heartbeat_is_shown_whole() -> None:
    async with scene("heartbeats", (80, 24), source=_source()) as top:
        await top.shows("1h06m", "no space")
        await top.press("down", "enter")
        await top.shows(" Heartbeat ", "no space left on /srv", "nagare heartbeats send report", "said that it failed")


async def test_an_alert_says_how_people_were_told_and_leads_to_its_incident() -> None:
    async with scene("alerts?filter=db-1", (120, 40), source=_source()) as top:
        await top.shows("1 of 2")
        await top.press("enter")
        await top.shows(
            "How people were told", "ops/hook, first notification: dead: it reached nobody, 3 tries", "i incident"
        )
        await top.press("i")
        await top.shows("▸ incidents ▸ alertname=DiskFull", "◉ firing 2 firing")


async def test_an_alert_is_silenced_and_explained_from_its_sheet() -> None:
    async with scene("alerts?filter=db-1", (80, 24), source=_source()) as top:
        await top.shows("1 of 2")
        await top.press("enter")
        await top.shows("What happened to it", "a ack · s silence · W why · i incident")
        await top.press("W")
        await top.shows("people are told of it", "s silence")
        await top.press("s")
        await top.shows("[x] alertname=DiskFull", "[x] host=db-1")
        await top.type("moving")
        await top.press("enter")
        await top.shows("silenced: alertname=DiskFull, host=db-1")


async def test_who_only_reads_is_told_why() -> None:
    source = _source()
    source.commands.caller = msgspec.structs.replace(source.commands.caller, permissions=["alerts.read"])
    async with scene("notifications", (120, 40), source=source) as top:
        await top.shows("(T Try again)", "(X Give up)")
        await top.press("T")
        await top.shows("bob may not send notifications again: no role of theirs has notify.write")
        await top.press("enter")
        await top.shows("T tries again")
        await top.press("T")
        await top.shows("bob may not send notifications again")
        await top.press("P")
        await top.shows("(T Test)")
        await top.press("I")
        await top.shows("(a Ack all)")
        assert not any(asked.startswith(("retry", "test")) for asked in source.notify_held.asked)


async def test_nothing_then_a_failure_then_no_server() -> None:
    source = FleetSource(host_names(1))
    async with scene("notifications", (120, 40), source=source) as top:
        far = source.notify_held
        await top.shows("nobody was told anything in the 7d shown")
        far.put(notice_of("n1", "waiting", fault="[/]\x1b[2J gone", channel="ops/\x07x"))
        await top.clock.advance(11)
        await top.shows("[/]␛[2J gone", "ops/␇x")
        far.fails = DeadlineExceededError("cannot list notifications: no answer in 30 s")
        await top.clock.advance(31)
        await top.shows("cannot list notifications: no answer", "[2J gone")
        top.put(Disconnected("cut", 5.0))
        await top.shows("the list is as it was: cut", "[2J gone")


async def test_who_may_not_see_them_and_an_incident_that_is_none() -> None:
    source = FleetSource(host_names(1))
    async with scene("incidents/abc", (80, 24), source=source) as top:
        await top.shows("cannot find incident 'abc'")
        source.notify_held.fails = PermissionDeniedError("cannot list incidents: your role does not allow it")
        await top.press("escape")
        await top.shows("cannot list incidents: your role does not allow it")
        source.notify_held.fails = NotFoundError("cannot find /api/v1/notifications: no such path")
        await top.clock.advance(31)
        await top.until(lambda: "undelivered" not in top.text(), "a header that counts nothing")
