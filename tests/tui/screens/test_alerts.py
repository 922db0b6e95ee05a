"""Screen 4: what needs somebody, what may be done about it, and what the list says when nothing does."""

from typing import Any

import msgspec
import pytest

from nagare.errors import ConflictError, DeadlineExceededError, InputError, PermissionDeniedError
from nagare.tui.screens.alerts import AlertsPage
from nagare.tui.source import Disconnected
from nagare.tui.widgets.chart_board import ChartBoard
from tests.tui.alerts import alert_of, rule_of, silence_of
from tests.tui.fleet import FleetSource, host_names
from tests.tui.stage import SIZES, Scene, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")
_NAMES = ("DiskFull", "CpuBusy", "Reboot", "Smart", "Probe", "Newest")


def _source(hosts: int = 4) -> FleetSource:
    source = FleetSource(host_names(hosts))
    source.alerts_held.put(
        alert_of("DiskFull", "web-1", 3, seconds=120),
        alert_of("DiskFull", "db-1", 2, seconds=600),
        alert_of("CpuBusy", "web-1", 1, labels={"team": "web"}),
        alert_of("Reboot", "cache-1", 3, silenced_by=["s0"], is_flapping=True),
        alert_of("Smart", "db-1", 2, "acknowledged", owner="ada"),
        alert_of("Newest", "web-1", 1, "pending"),
        alert_of("Probe", "web-1", 1, "resolved"),
    )
    source.alerts_held.put_silences(silence_of("s0", "alertname=Reboot", matches=1))
    source.alerts_held.put_rules(
        rule_of("DiskFull", firing=2), rule_of("Slow", health="failing", fault="no such table")
    )
    return source


def _order(top: Scene) -> list[str]:
    """Return the names of the alerts in the rows, from the top: they stand behind a glyph and a word."""
    rows = [line.split() for line in top.lines()]
    return [row[2] for row in rows if len(row) > 2 and row[2] in _NAMES]


@pytest.mark.parametrize("size", SIZES)
async def test_the_lists_are_reached_by_keys(size: tuple[int, int]) -> None:
    async with scene("overview", size, source=_source()) as top:
        await top.press("4")
        await top.shows("▸ alerts", "✖ crit", "◈ high", "▲ warn", "DiskFull", "web-1")
        # What people are told of first, then the worst, then the newest.
        assert _order(top) == ["DiskFull", "DiskFull", "CpuBusy", "Reboot"]
        await top.press("right_square_bracket")
        await top.shows("▸ alerts ▸ acknowledged", "Smart")
        await top.press("right_square_bracket")
        await top.shows("▸ alerts ▸ pending", "Newest", "◇ waits")
        await top.press("right_square_bracket")
        await top.shows("▸ alerts ▸ history", "Probe")
        await top.press("right_square_bracket")
        await top.shows("▸ alerts ▸ incidents", "no incident")
        await top.press("right_square_bracket")
        await top.shows("▸ alerts ▸ notifications", "nobody was told anything")
        await top.press("right_square_bracket")
        await top.shows("▸ alerts ▸ silences", "alertname=Reboot", "● open")
        await top.press("right_square_bracket")
        await top.shows("▸ alerts ▸ rules", "DiskFull", "✘ failed")
        await top.press("right_square_bracket")
        await top.shows("▸ alerts ▸ routes", "everything else")
        await top.press("right_square_bracket")
        await top.shows("▸ alerts ▸ heartbeats", "no heartbeat is waited for")
        await top.press("right_square_bracket")
        await top.shows("▸ alerts", "CpuBusy")
        await top.press("escape")
        await top.shows("▸ overview")


async def test_flags_and_states_are_words_and_glyphs() -> None:
    async with scene("alerts", (200, 60), source=_source()) as top:
        await top.shows("⊘ silenced, ≈ flapping", "◉ firing")
    async with scene("alerts", (200, 60), source=_source(), ascii=True) as top:
        await top.shows("m silenced, % flapping", "* firing", "H high")
        assert top.text().isascii()


async def test_an_alert_is_taken_in_hand_and_given_back() -> None:
    async with scene("alerts", (120, 40), source=_source()) as top:
        alerts = top.source.alerts_held
        await top.shows("DiskFull", "CpuBusy")
        await top.press("a")
        await top.shows("Take in hand", "DiskFull web-1 (firing)")
        assert not any(asked.startswith("ack") for asked in alerts.asked)
        await top.type("on it")
        await top.press("enter")
        await top.shows("in hand: DiskFull web-1")
        assert "ack diskfull-web-1 on it" in alerts.asked
        await top.until(lambda: len(_order(top)) == 3, "the list without it")
        await top.press("right_square_bracket")
        await top.shows("■ ack", "bob", "DiskFull")
        await top.press("A")
        await top.shows("Give back")
        await top.press("enter")
        await top.until(lambda: "unack diskfull-web-1" in alerts.asked, "giving it back")


async def test_several_are_ended_behind_their_number_and_a_refusal_is_told() -> None:
    async with scene("alerts", (120, 40), source=_source()) as top:
        alerts = top.source.alerts_held
        await top.shows("DiskFull", "CpuBusy")
        await top.press("space", "space", "R")
        await top.shows("End by hand", "2 alerts", "DiskFull web-1 (firing)", "DiskFull db-1 (firing)", "type 2 to end")
        await top.press("enter", "enter")
        assert not any(asked.startswith("resolve") for asked in alerts.asked)
        await top.press("2", "enter")
        await top.shows("ended: 2 alerts")
        assert {"resolve diskfull-web-1", "resolve diskfull-db-1"} <= set(alerts.asked)
        await top.until(lambda: _order(top) == ["CpuBusy", "Reboot"], "the list without them")
        alerts.refuses = ConflictError("cannot take alert in hand: somebody has it")
        await top.press("home", "a")
        await top.shows("Take in hand")
        await top.press("enter")
        await top.shows("in hand: 0 of 1", "somebody has it")


async def test_a_comment_needs_words() -> None:
    async with scene("alerts", (120, 40), source=_source()) as top:
        await top.shows("DiskFull")
        await top.press("c")
        await top.shows("what to note")
        await top.press("enter")
        await top.shows("say what to note")
        await top.type("seen")
        await top.press("enter")
        await top.shows("noted: DiskFull web-1")
        assert "comment diskfull-web-1 seen" in top.source.alerts_held.asked


async def test_a_silence_is_prefilled_counts_and_comes_back_when_it_is_refused() -> None:
    async with scene("alerts", (120, 40), source=_source()) as top:
        alerts = top.source.alerts_held
        await top.shows("DiskFull")
        await top.press("s")
        await top.shows("[x] alertname=DiskFull", "[x] host=web-1", "matches 1 of 5 active alerts now: DiskFull web-1")
        await top.press("enter")
        await top.shows("say why nobody need be told")
        await top.type("moving")
        alerts.refuses = InputError("cannot make silence: it is too long")
        await top.press("enter")
        await top.shows("it is too long", "moving")
        alerts.refuses = None
        # Up to the matchers, the second of which is the host's: without it both disks are meant.
        await top.press("up", "up", "up", "down", "space")
        await top.shows("[ ] host=web-1", "matches 2 of 5")
        await top.press("tab", "enter")
        await top.shows("silenced: alertname=DiskFull", "⊘ silenced")
        assert [(one.matchers, one.reason, one.lasts_seconds) for one in alerts.requests] == [
            (["alertname=DiskFull"], "moving", 7200.0)
        ]


async def test_why_says_what_stops_it() -> None:
    async with scene("alerts", (120, 40), source=_source()) as top:
        await top.shows("Reboot")
        await top.press("end", "W")
        await top.shows("Reboot: nobody is told of it", "● passes: > 0.9", "✖ stops: silenced by s0")
        await top.press("escape")
        await top.until(lambda: "passes" not in top.text(), "the list")


async def test_an_alert_is_shown_whole_and_leads_to_its_host_at_that_time() -> None:
    source = _source()
    source.alerts_held.put(alert_of("DiskFull", "web-1", 3, seconds=7200))
    async with scene("alerts?filter=web-1 DiskFull", (120, 40), source=source) as top:
        await top.shows("1 of 4")
        await top.press("enter")
        await top.shows(
            "What happened to it", "ada said: looking", "nagare rules guide DiskFull", "alertname", "2h00m ago"
        )
        await top.press("enter")
        await top.shows("▸ hosts ▸ web-1", "REPLAY")
        start_ms, end_ms = top.app.page.location.window.bounds_ms(top.clock.now_ms())
        assert start_ms < top.clock.now_ms() - 7_200_000 < end_ms
        board = top.app.page.query_one(ChartBoard)
        await top.until(lambda: board.crosshair_ms == top.clock.now_ms() - 7_200_000, "the crosshair")
        await top.shows("Alerts (1)", "DiskFull: DiskFull on")
        await top.press("backspace")
        await top.shows("▸ alerts", "1 of 4")


async def test_folding_by_name_host_and_severity() -> None:
    async with scene("alerts", (120, 40), source=_source()) as top:
        await top.shows("CpuBusy")
        await top.press("b")
        await top.shows("folded by name", "2 alerts: DiskFull", "2 hosts")
        await top.press("b")
        await top.shows("folded by host", "2 alerts: CpuBusy")
        await top.press("home", "enter")
        await top.shows("▸ alerts ▸ web-1")
        assert sorted(_order(top)) == ["CpuBusy", "DiskFull"]
        await top.press("escape")
        await top.shows("folded by host")
        await top.press("b")
        await top.shows("folded by severity", "✖ crit", "2 alerts: DiskFull")
        # What is done to a group is done to all that are in it.
        await top.press("home", "a")
        await top.shows("DiskFull web-1 (firing)", "Reboot cache-1 (firing)")
        await top.press("escape", "b")
        await top.until(lambda: len(_order(top)) == 4, "the alerts one by one")


async def test_silences_are_ended_after_a_look_and_made_from_nothing() -> None:
    async with scene("silences", (120, 40), source=_source()) as top:
        alerts = top.source.alerts_held
        await top.shows("alertname=Reboot", "moving racks", "1h00m")
        await top.press("c")
        await top.shows("End this silence?", "keeps quiet about 1")
        await top.press("enter")
        await top.shows("ended: alertname=Reboot", "○ over")
        assert "end s0" in alerts.asked
        await top.press("n")
        await top.shows("no label in common", "no matcher is given")
        await top.type("host=db-1")
        await top.shows("matches 2 of 5")
        await top.press("down", "down")
        await top.type("backup")
        await top.press("enter")
        await top.shows("silenced: host=db-1")
        assert [one.matchers for one in alerts.requests] == [["host=db-1"]]


async def test_rules_say_how_they_do() -> None:
    source = _source()
    source.alerts_held.rule_fault = "cannot read rules.toml: line 3"
    async with scene("rules", (120, 40), source=source) as top:
        await top.shows("✘ failed", "no such table", "the rules before hold: cannot read rules.toml")
        await top.press("end", "enter")
        await top.shows("fires when", "value > 0.9", "SELECT host, max(used_ratio)")


async def test_a_rule_that_was_saved_is_deleted_after_its_name_was_typed() -> None:
    source = _source()
    saved: dict[str, Any] = {
        "origin": "api",
        "origin_kind": "api",
        "revision": 7,
        "changed_by": "ada",
        "changed_at": "2026-11-20T10:00:00Z",
    }
    source.alerts_held.put_rules(rule_of("WebSlow", severity=0, **saved), rule_of("Disk", origin="own.toml"))
    async with scene("rules", (200, 40), source=source) as top:
        await top.shows("WebSlow", "own.toml", "api")
        # What a file has is deleted there.
        await top.press("home", "c")
        assert "Delete this rule?" not in top.text()
        await top.press("end", "c")
        await top.shows("Delete this rule?", "ada, 2026-11-20")
        await top.type("WebSlow")
        await top.press("enter")
        await top.shows("deleted: WebSlow")
        assert "remove WebSlow 7" in source.alerts_held.asked
        await top.press("end", "enter")
        await top.shows("comes from")


async def test_who_only_reads_is_told_why() -> None:
    source = _source()
    source.commands.caller = msgspec.structs.replace(source.commands.caller, permissions=["alerts.read"])
    async with scene("alerts", (120, 40), source=source) as top:
        await top.shows("(a Ack)", "(s Silence)")
        await top.press("a")
        await top.shows("bob may not take alerts in hand: no role of theirs has alerts.write")


async def test_nothing_fires_then_a_failure_then_no_server() -> None:
    source = FleetSource(host_names(1))
    async with scene("alerts", (120, 40), source=source) as top:
        alerts = source.alerts_held
        await top.shows("nothing needs you: no alert fired yet")
        alerts.put(alert_of("Old", "web-1", 2, "resolved"))
        await top.clock.advance(3)
        await top.shows("nothing needs you since", "when Old web-1 ended")
        alerts.put(alert_of("New", "web-1", 2))
        await top.clock.advance(3)
        await top.shows("New on web-1")
        alerts.fails = DeadlineExceededError("cannot list alerts: no answer in 30 s")
        await top.clock.advance(3)
        await top.shows("cannot list alerts: no answer", "New on web-1")
        top.put(Disconnected("gone", 5.0))
        await top.shows("the list is as it was: gone", "New on web-1")


async def test_who_may_not_see_them_is_told_so() -> None:
    source = FleetSource(host_names(1))
    source.alerts_held.fails = PermissionDeniedError("cannot list alerts: your role does not allow it")
    async with scene("alerts", (80, 24), source=source) as top:
        await top.shows("cannot list alerts: your role does not allow it")


async def test_foreign_text_is_harmless() -> None:
    source = FleetSource(host_names(1))
    evil = "[/]\x1b[2J[bold]x"
    source.alerts_held.put(
        alert_of(
            evil, "web-1", 3, annotations={"summary": evil, "guide": evil}, labels={"a": evil}, id="evil", owner=evil
        )
    )
    async with scene("alerts", (120, 40), source=source) as top:
        await top.shows("[/]␛[2J[bold]x")
        for key in ("enter", "W", "s", "a"):
            await top.press(key)
            await top.until(lambda: top.app.screen is not top.app.page, "the dialogue")
            await top.shows("[/]␛[2J[bold]x")
            assert "\x1b" not in top.text()
            await top.press("escape")
            await top.until(lambda: top.app.screen is top.app.page, "the list")


async def test_the_selection_is_an_alert_and_not_a_place() -> None:
    async with scene("alerts", (120, 40), source=_source()) as top:
        await top.shows("CpuBusy")
        await top.press("down", "down")
        assert top.app.page.item_at_cursor().name == "CpuBusy"  # type: ignore[attr-defined]
        top.source.alerts_held.put(alert_of("Newest", "db-1", 3, seconds=1))
        await top.clock.advance(3)
        await top.shows("Newest")
        assert top.app.page.item_at_cursor().name == "CpuBusy"  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [(60, 16), (30, 8)])
async def test_small_terminals(size: tuple[int, int]) -> None:
    async with scene("alerts", size, source=_source()) as top:
        await top.shows("DiskFull" if size[0] == 60 else "up")


async def test_of_a_long_list_only_what_is_seen_is_written_every_second() -> None:
    source = FleetSource(host_names(1))
    source.alerts_held.put(*(alert_of(f"Load{number:03}", "web-1", 2) for number in range(300)))
    async with scene("alerts", (120, 40), source=source) as top:
        await top.shows("Load0")
        page = top.app.page
        assert isinstance(page, AlertsPage)
        store = page.items_table().store
        before, asked = store.row_versions.copy(), len(source.alerts_held.asked)
        await top.clock.advance(3)
        page.tick()
        written = int((store.row_versions != before).sum())
        assert 0 < written < 60
        # Nor is it asked for as often as a short one: the watch of all screens does that.
        assert len(source.alerts_held.asked) == asked
