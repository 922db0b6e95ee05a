"""The screen of diagnoses: asked from everywhere, watched, cancelled, followed to its evidence, proposed, rated, copied."""

from pathlib import Path
from typing import Any

import pytest

from nagare.errors import InputError, PermissionDeniedError
from nagare.tui.location import parse_location
from nagare.tui.screens.diagnose import DiagnosePage
from nagare.tui.source import Disconnected
from nagare.tui.widgets.live_table import LiveTable
from nagare.wire.auth import Me
from nagare.wire.diagnosis import WordsLine
from tests.tui.alerts import alert_of
from tests.tui.diagnosis import STAGES, diagnosis_of
from tests.tui.fleet import NOW_MS, FleetSource, host_names
from tests.tui.stage import Scene, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")


def _source(*ids: str) -> FleetSource:
    source = FleetSource(host_names(4))
    source.diagnoses_held.put(*(diagnosis_of(id_, seconds=120 + place) for place, id_ in enumerate(ids)))
    return source


def _page(top: Scene) -> DiagnosePage:
    assert isinstance(top.app.page, DiagnosePage)
    return top.app.page


async def test_the_fleet_is_asked_about_from_the_overview_and_the_answer_opens() -> None:
    async with scene("overview?t=-30m", source=_source()) as top:
        await top.press("D")
        await top.shows("Looking into it", "looking into the fleet", "evidence: 26 of 26 questions answered", "► runs")
        asked = top.source.diagnoses_held.asked[0]
        assert (asked.host, asked.alert, asked.since_seconds, asked.model) == ("", "", 1800.0, False)
        top.source.diagnoses_held.may_end.set()
        await top.shows("✖ CRITICAL", "no model was used", "97% sure", "E5")
        assert top.app.address.startswith("diagnose/new")


async def test_a_host_is_asked_about_where_it_is_looked_at_in_the_time_that_is_shown() -> None:
    async with scene("hosts?filter=db", source=_source()) as top:
        await top.press("full_stop")
        await top.shows("Run an action on db-1")
        await top.type("diagno")
        await top.press("enter")
        await top.shows("looking into db-1")
        await top.press("c")
        await top.app.go(parse_location("hosts/web-1?t=2025-10-09T06:00:00Z..2025-10-09T07:00:00Z"))
        await top.press("D")
        await top.shows("looking into web-1")
        first, second = top.source.diagnoses_held.asked
        assert (first.host, first.until_ms) == ("db-1", None)
        assert (second.host, second.since_seconds, second.until_ms) == ("web-1", 3600.0, 1_759_993_200_000)


async def test_an_alert_is_asked_about_by_its_id() -> None:
    source = _source()
    source.alerts_held.put(alert_of("DiskFull", "web-1", 3))
    async with scene("alerts", source=source) as top:
        await top.shows("DiskFull")
        await top.press("D")
        await top.shows("looking into alert DiskFull")
        asked = source.diagnoses_held.asked[0]
        assert (asked.host, asked.alert, asked.since_seconds) == ("", "diskfull-web-1", 3600.0)


async def test_cancelling_ends_it_at_the_far_end_and_a_refusal_says_the_way_out() -> None:
    async with scene("diagnose", source=_source()) as top:
        far = top.source.diagnoses_held
        for key in ("escape", "c"):
            before = far.cancelled
            await top.press("D")
            await top.shows("looking into the fleet")
            await top.press(key)
            await top.shows("cancelled: nobody looks into the fleet any more")
            await top.until(lambda before=before: far.cancelled == before + 1, "the end at the server")  # type: ignore[misc]
        far.refuses = InputError("cannot ask a model: none is configured", hint="set diagnosis.provider")
        far.may_end.set()
        await top.press("D")
        await top.shows("✘ no answer about the fleet: cannot ask a model", "set diagnosis.provider")
        await top.press("escape")
        await top.shows("Enter opens a diagnosis, D asks for one")


async def test_one_is_made_at_a_time_and_goes_on_behind_other_screens() -> None:
    async with scene("diagnose", source=_source()) as top:
        await top.press("D")
        await top.shows("looking into the fleet")
        await top.press("2")
        await top.shows("▸ hosts")
        await top.press("D")
        await top.shows("the fleet is being looked into: one at a time")
        await top.press("2")
        top.source.diagnoses_held.may_end.set()
        await top.shows("CRITICAL: web-1", "7 shows it")
        assert len(top.source.diagnoses_held.asked) == 1
        await top.press("7")
        await top.shows("✖ CRITICAL", "97% sure")


async def test_a_model_and_a_question_go_on_with_the_open_diagnosis() -> None:
    source = _source("d1")
    source.diagnoses_held.lines = [*STAGES, WordsLine("metrics", '{"hypotheses": [{"title": "the disk fills because')]
    async with scene("diagnose", source=source) as top:
        await top.press("enter", "m")
        await top.shows("not verified yet", "the disk fills because")
        await top.press("escape", "escape", "enter", "a")
        await top.shows(" ask ", "Enter asks")
        await top.type("why q?")
        await top.press("enter")
        await top.shows("why q?", "looking into web-1")
        again, asked = source.diagnoses_held.asked
        assert (again.host, again.model, again.until_ms) == ("web-1", True, NOW_MS - 120_000)
        assert (asked.question, asked.after, asked.model) == ("why q?", "d1" * 8, True)


async def test_evidence_opens_its_place_at_its_time() -> None:
    source = _source("d1")
    source.alerts_held.put(alert_of("DiskFull", "web-1", 3))
    places = {
        "E1": "hosts/web-1?t=2025-10-09T07:51:20Z..2025-10-09T08:52:20Z",
        "E2": "hosts/web-1/processes?t=",
        "E3": "commands/tail",
        "E5": "alerts",
    }
    async with scene("diagnose", source=source) as top:
        await top.press("enter")
        await top.shows("97% sure")
        evidence = _page(top).query_one("#evidence", LiveTable)
        for id_, address in places.items():
            evidence.focus()
            evidence.move_to(id_)
            await top.press("enter")
            await top.until(lambda address=address: top.app.address.startswith(address[:20]), address)  # type: ignore[misc]
            await top.press("backspace")
            await top.shows("E6", "97% sure")
        evidence.focus()
        await top.press("end", "enter")
        await top.shows("Evidence E6", "Runbook: keep 5 % free", "at disk.md: Room")


async def test_an_answer_is_copied_written_rated_and_proposes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with scene("diagnose", source=_source("d1")) as top:
        await top.press("enter")
        await top.shows("97% sure")
        await top.press("y")
        assert top.app.clipboard.startswith("# CRITICAL: web-1: file system /var is full")
        await top.press("e")
        await top.shows("wrote the diagnosis to nagare-diagnosis-d1d1d1d1-")
        await top.press("plus")
        await top.shows("a word why")
        await top.type("yes")
        await top.press("enter")
        await top.shows("rated: it helped", "said bob: yes")
        await top.press("minus")
        await top.shows("It did not help")
        await top.press("enter")
        await top.shows("rated: it did not help")
        assert [(one.verdict, one.word) for one in top.source.diagnoses_held.rated] == [("up", "yes"), ("down", "")]
        await top.press("p")
        await top.shows("service.restart: Restart a systemd unit", "web-1", "rsyslog.service", "diagnosis d1d1d1d1")
        assert top.source.commands.requests == []


async def test_what_the_role_may_not_do_says_so() -> None:
    source = _source("d1")
    source.commands.caller = Me("eve", "user", ["diagnose.read", "commands.read"])
    async with scene("diagnose", source=source) as top:
        await top.shows("(D Diagnose)")
        await top.press("enter")
        await top.shows("(p Propose)")
        await top.press("p")
        await top.shows("eve may not run commands: no role of theirs has commands.run")


async def test_who_may_not_see_any_is_told() -> None:
    source = _source()
    source.diagnoses_held.fails = PermissionDeniedError("cannot list diagnoses: that needs diagnose.read")
    async with scene("diagnose", (80, 24), source=source) as top:
        await top.shows("that needs diagnose.read")


async def test_the_list_stays_while_the_server_is_away_and_one_that_is_gone_says_so() -> None:
    async with scene("diagnose/nothing", source=_source("d1", "d2")) as top:
        await top.shows("cannot find diagnosis: there is none of that id", "✖ crit")
        top.put(Disconnected("cannot reach http://127.0.0.1:1: connection refused", 8.0))
        await top.shows("the list is as it was", "✖ crit")


@pytest.mark.parametrize("size", [(40, 12), (80, 24)])
async def test_the_selection_stays_with_its_diagnosis(size: tuple[int, int]) -> None:
    async with scene("diagnose", size, source=_source("d1", "d2")) as top:
        page = _page(top)
        await top.until(lambda: page.items_table().row_count == 2, "the list")
        await top.press("down")
        chosen: Any = page.items_table().cursor_key
        top.source.diagnoses_held.put(diagnosis_of("d3", seconds=1))
        page.ask_anew()
        await top.until(lambda: page.items_table().row_count == 3, "the new one")
        assert page.items_table().cursor_key == chosen
        await top.press("enter")
        await top.until(lambda: top.app.address == f"diagnose/{chosen}", "the address")
        await top.press("escape")
        assert page.items_table().cursor_key == chosen
