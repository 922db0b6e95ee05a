"""The other lists of screen 6: tasks with their progress, schedules with their next moment, and what may be done to both."""

import msgspec
import pytest
from textual.widgets import Input  # noqa: TID253  these tests drive textual itself

from nagare.errors import ConflictError, DeadlineExceededError
from tests.tui.automation import schedule_of, task_of
from tests.tui.fleet import NOW_MS, FleetSource, host_names
from tests.tui.jobs import command_of, job_of
from tests.tui.stage import SIZES, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")


def _source() -> FleetSource:
    source = FleetSource(host_names(2))
    source.commands.put(job_of("one", [command_of("web-1")]))
    source.tasks_held.put(
        task_of("aaaa", progress_ratio=0.42, progress_text="copied 42 of 100 blocks"),
        task_of("bbbb", "failed", kind="export", reason="error", text="no room left", attempt=3),
        task_of("cccc", "done", kind="report", made_at="2025-10-09T01:00:00.000Z"),
    )
    source.schedules_held.put(
        schedule_of("nightly", text="the usual", revision=7),
        schedule_of("weekly", NOW_MS + 90_000_000, revision=8),
        schedule_of("old", enabled=False),
    )
    return source


@pytest.mark.parametrize("size", SIZES)
async def test_the_lists_are_reached_by_keys(size: tuple[int, int]) -> None:
    async with scene("commands", size, source=_source()) as top:
        await top.shows("Commands  Tasks  Schedules", "disk.usage")
        await top.press("right_square_bracket")
        await top.shows("▸ tasks", "► runs", "backup", "42.0%", "✘ failed")
        await top.press("right_square_bracket")
        await top.shows("▸ schedules", "nightly", "0 3 * * *", "1h00m")
        await top.press("right_square_bracket")
        await top.shows("▸ commands", "disk.usage")
        await top.press("left_square_bracket")
        await top.shows("▸ schedules")
        await top.press("escape")
        await top.shows("▸ overview")


async def test_a_task_is_shown_whole_and_ended_by_its_name() -> None:
    async with scene("tasks", (120, 40), source=_source()) as top:
        tasks = top.source.tasks_held
        await top.shows("copied 42 of 100 blocks", "error: no room left")
        await top.press("enter")
        await top.shows(" Task ", "on whose behalf", "worker-1")
        assert "then the newest" not in top.text()
        await top.press("escape", "c", "enter")
        await top.shows("type backup to end it")
        assert not any(asked.startswith("cancel") for asked in tasks.asked)
        await top.type("backup")
        await top.press("enter")
        await top.shows("▬ cancelled", "cancelled by bob", "asked to end: backup")
        assert "cancel aaaa" in tasks.asked


async def test_schedules_are_switched_and_run_behind_a_dialogue() -> None:
    async with scene("schedules", (120, 40), source=_source()) as top:
        schedules = top.source.schedules_held
        await top.shows("nightly", "weekly", "old")
        order = [line.split()[:3] for line in top.lines() if line.startswith((" ▣ ", " □ "))]
        assert order == [["▣", "on", "nightly"], ["▣", "on", "weekly"], ["□", "off", "old"]]
        await top.press("S")
        await top.shows("Switch it off?", "0 3 * * * (Europe/Berlin)")
        assert "enable nightly False" not in schedules.asked
        await top.press("enter")
        await top.shows("nightly is off")
        assert "enable nightly False" in schedules.asked
        await top.press("home", "n")
        await top.shows("Run it now?", "on whose behalf")
        await top.type("weekly")
        await top.press("enter")
        await top.shows("made: backup weekly-0, on behalf of ada")
        assert "run weekly" in schedules.asked
        # What was read when it was asked, so that nobody agrees to what somebody else made of it meanwhile.
        assert schedules.revisions == [schedules.held["nightly"].revision, schedules.held["weekly"].revision]


async def test_a_schedule_that_cannot_run_stands_first_and_says_why() -> None:
    source = _source()
    why = "cannot use zone 'Europe/Atlantis': there is no such zone"
    source.schedules_held.put(
        schedule_of("sunk", zone="Europe/Atlantis", next=[], fault=why),
        schedule_of("sunk-off", enabled=False, next=[], fault=why),
    )
    async with scene("schedules", (120, 40), source=source) as top:
        await top.shows("⊗ fault", "sunk")
        order = [line.split()[:3] for line in top.lines() if line.startswith((" ⊗ ", " ▣ ", " □ "))]
        assert order[0] == ["⊗", "fault", "sunk"]
        assert ["□", "off", "sunk-off"] in order
        await top.press("home", "enter")
        await top.shows(
            " Schedule ", "why it makes nothing", "cannot use zone 'Europe/Atlantis':", "there is no such zone"
        )


async def test_who_only_reads_may_do_neither() -> None:
    source = _source()
    source.commands.caller = msgspec.structs.replace(
        source.commands.caller, permissions=["tasks.read", "schedules.read"]
    )
    async with scene("tasks", (120, 40), source=source) as top:
        await top.shows("(c End)")
        await top.press("c")
        await top.shows("bob may not end tasks: no role of theirs has tasks.write")
        await top.press("right_square_bracket")
        await top.shows("(n Run now)", "(S On or off)")


async def test_a_form_of_a_schedule_says_what_is_wrong_and_when_it_comes() -> None:
    # In a terminal that the form is higher than: the arrows go to the next field all the same.
    async with scene("schedules", (80, 24), source=_source()) as top:
        await top.shows("nightly")
        await top.press("N")
        await top.shows("New schedule", "UTC unless you say otherwise", "when it comes stands here")
        await top.type("weekly")
        await top.shows("cannot name a schedule 'weekly': there is one of that name")
        await top.press("down")
        await top.type("30 2 * *")
        await top.shows("five fields are meant")
        await top.type(" 1-5")
        await top.shows("next      Fri 2025-10-10 02:30 UTC, in 17h36m", "then      Mon 2025-10-13 02:30 UTC")
        await top.press("down")
        await top.type("Europe/Berlin")
        await top.shows("02:30 CEST")
        await top.press("down")
        await top.type("backup")
        await top.shows("backup: keeps the newest backups", "NAME=VALUE: keep")
        # To the first that is wrong.
        await top.press("enter", "backspace", "enter")
        await top.shows("Make this schedule?", "weekl", "30 2 * * 1-5 (Europe/Berlin)")


async def test_a_schedule_is_seen_whole_agreed_to_and_made() -> None:
    async with scene("schedules", (120, 40), source=_source()) as top:
        schedules = top.source.schedules_held
        await top.shows("nightly")
        await top.press("N")
        await top.shows("New schedule")
        texts = {
            "name": "weekl",
            "cron": "30 2 * * 1-5",
            "zone": "Europe/Berlin",
            "kind": "backup",
            "arguments": "keep=9",
        }
        for name, text in texts.items():
            top.app.screen.query_one(f"#field-{name}", Input).value = text
        schedules.refuses = ConflictError("cannot make schedule: somebody made it meanwhile")
        await top.press("enter")
        await top.shows(
            "Make this schedule?", "30 2 * * 1-5 (Europe/Berlin)", "comes", '{"keep": 9}', "run on your behalf"
        )
        assert "save weekl" not in schedules.asked
        await top.press("enter")
        await top.shows("New schedule", "somebody made it meanwhile", "Europe/Berlin")
        schedules.refuses = None
        await top.press("enter", "enter")
        await top.shows("made: schedule weekl", "30 2 * * 1-5")
        assert [(one.kind, one.arguments, one.zone, one.is_new) for one in schedules.requests] == [
            ("backup", {"keep": 9}, "Europe/Berlin", True)
        ]
        assert top.app.page.item_at_cursor().name == "weekl"  # type: ignore[attr-defined]


async def test_a_form_of_a_schedule_that_is_left_makes_nothing() -> None:
    async with scene("schedules", (80, 24), hosts=1) as top:
        await top.shows("no schedule yet: N makes one")
        await top.press("N")
        await top.shows("New schedule", "letters, digits")
        await top.press("escape")
        await top.until(lambda: top.app.screen is top.app.page, "the list")
        top.source.tasks_held.fails = DeadlineExceededError("cannot list kinds: no answer in 30 s")
        await top.press("N")
        await top.shows("cannot list kinds: no answer")
        assert not top.source.schedules_held.requests


async def test_nothing_yet_a_failure_and_foreign_text() -> None:
    async with scene("tasks", (120, 40), hosts=1) as top:
        await top.shows("no task in the 7d shown")
        top.source.tasks_held.put(task_of("dddd", "failed", text="[/]\x1b[2J gone", arguments={"a": "\x07"}))
        await top.clock.advance(11)
        await top.shows("[/]␛[2J gone")
        top.source.tasks_held.fails = DeadlineExceededError("cannot list tasks: no answer in 30 s")
        await top.clock.advance(11)
        await top.shows("cannot list tasks: no answer", "[/]␛[2J gone")
        await top.press("right_square_bracket")
        await top.shows("no schedule yet")
