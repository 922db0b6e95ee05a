"""Screen 6: the list of commands, one command as it goes, and every decision behind a dialogue that shows all of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from nagare.client.following import Cut, Resumed
from nagare.errors import DeadlineExceededError
from nagare.tui.source import Connected, Disconnected
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.output_view import OutputView
from nagare.wire.live import Hello
from tests.tui.fleet import NOW_MS, FleetSource, host_names
from tests.tui.jobs import command_of, job_of
from tests.tui.stage import SIZES, Scene, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")
_WAITING = {"action": "site.deploy", "arguments": {"version": "4.2"}, "risk": "second-person", "age_seconds": 600}


def _source(hosts: int = 3) -> FleetSource:
    source = FleetSource(host_names(hosts))
    source.commands.put(
        job_of("ended", [command_of(name, out=f"up {number} days\n") for number, name in enumerate(source.names)]),
        job_of("waits", [command_of(name, "pending") for name in source.names], **_WAITING),
        job_of(
            "runs", [command_of("web-1", "started"), command_of("db-1", "queued")], action="file.tail", age_seconds=9
        ),
    )
    return source


@asynccontextmanager
async def _opened(location: str = "commands", size: tuple[int, int] = (120, 40), **more: Any) -> AsyncIterator[Scene]:
    async with scene(location, size, source=more.pop("source", None) or _source(), **more) as top:
        yield top


def _address(name: str, tab: str = "") -> str:
    return f"commands/{job_of(name, [command_of('a')]).id}{tab}"


@pytest.mark.parametrize("size", SIZES)
async def test_the_list_shows_what_waits_first_and_opens_by_keys(size: tuple[int, int]) -> None:
    async with _opened("overview", size) as top:
        await top.press("6")
        await top.shows("nagare ▸ commands", "◇ waits", "► runs", "✔ done", "site.deploy", "0/3", "3/3")
        order = [line.split()[2] for line in top.lines() if any(glyph in line for glyph in "◇►✔")]
        assert order == ["site.deploy", "file.tail", "disk.usage"]
        await top.shows("1 waits for a second person")
        await top.press("end", "enter")
        await top.shows("▸ disk.usage", "Output of web-1", "| up 0 days", "exit 0")
        await top.press("escape")
        await top.shows("▸ commands", "◇ waits")
        await top.until(lambda: top.app.page.query_one(LiveTable).cursor_index == 2)
        await top.press("backspace")
        await top.shows("▸ disk.usage")


async def test_tabs_show_hosts_equal_output_and_the_exact_plan() -> None:
    source = _source()
    same = [command_of(name, out="same\n") for name in ("web-1", "db-1")]
    source.commands.put(job_of("mixed", [*same, command_of("cache-1", "failed", err="no \x1b[2Jroom\n")]))
    async with _opened(_address("mixed"), source=source) as top:
        await top.shows("✘ failed", "exit 3")
        await top.press("right_square_bracket")
        await top.shows("── 2 hosts (web-1, db-1): done", "── cache-1: failed, exit 3", "! no ␛[2Jroom")
        await top.press("slash")
        await top.type("room")
        await top.until(lambda: "same" not in top.text() and "no ␛[2Jroom" in top.text())
        await top.press("escape", "right_square_bracket")
        await top.shows("runs      df -h", "web-1, db-1, cache-1 (3 hosts)", "b7" * 32)


async def test_a_job_is_followed_live_to_its_end() -> None:
    async with _opened(_address("runs"), (80, 24)) as top:
        jobs = top.source.commands
        await top.shows("► runs", "it wrote nothing yet")
        for number in range(60):
            jobs.write("web-1", f"line {number}\n")
        await top.shows("| line 59", "following")
        await top.press("tab", "k")
        await top.shows("f follows")
        jobs.write("web-1", "line 60\n")
        await top.until(lambda: len(top.app.page.query_one("#of-host", OutputView).lines) == 61)
        assert "line 60" not in top.text()
        await top.press("f")
        await top.shows("| line 60")
        jobs.stand(command_of("web-1"))
        await top.shows("✔ done", "1/2")
        ended = job_of("runs", [command_of("web-1", out="kept\n"), command_of("db-1", "expired", reason="expired")])
        jobs.end(ended)
        await top.shows("◷ expired", "| kept", "2/2")
        assert jobs.followers == 0


async def test_a_lost_connection_is_told_and_what_came_stays() -> None:
    async with _opened(_address("runs")) as top:
        jobs = top.source.commands
        jobs.write("web-1", "before\n")
        await top.shows("| before")
        jobs.lines.put_nowait(Cut("the connection was closed", 2.0))
        await top.shows("nothing comes for now, the job goes on: the connection was closed", "| before")
        jobs.lines.put_nowait(Resumed())
        await top.until(lambda: "nothing comes" not in top.text())


async def test_leaving_the_page_stops_following_and_a_dialogue_does_not() -> None:
    async with _opened(_address("runs")) as top:
        jobs = top.source.commands
        await top.until(lambda: jobs.followers == 1)
        await top.press("c")
        await top.shows("ends on   web-1, db-1 (2 of 2 hosts)", "what runs is killed")
        assert jobs.followers == 1
        await top.press("escape")
        await top.press("2")
        await top.until(lambda: jobs.followers == 0)


async def test_agreeing_shows_the_whole_plan_and_takes_the_number_of_hosts() -> None:
    async with _opened() as top:
        jobs = top.source.commands
        await top.shows("◇ waits")
        await top.press("a")
        await top.shows(
            "Agree as the second person", "runs      df -h", "web-1, db-1, cache-1 (3 hosts)", "b7" * 32, "ada"
        )
        await top.press("enter")
        await top.type("2")
        await top.press("enter")
        await top.shows("type 3 to approve")
        assert not any(asked.startswith("approve") for asked in jobs.asked)
        await top.press("backspace")
        await top.type("3")
        await top.press("enter")
        await top.shows("approved: site.deploy", "◔ queued")
        assert "approve b7b7" in jobs.asked


async def test_refusing_takes_a_reason() -> None:
    async with _opened(_address("waits")) as top:
        jobs = top.source.commands
        await top.shows("it waits for a second person", "nothing left the server")
        await top.press("R", "enter")
        await top.shows("say why it must not run")
        await top.type("not today")
        await top.press("enter")
        await top.shows("rejected: site.deploy", "▬ cancelled", "stopped: rejected: not today")
        assert "reject not today" in jobs.asked


async def test_cancelling_names_the_hosts_and_no_single_key_does_it() -> None:
    async with _opened() as top:
        jobs = top.source.commands
        await top.shows("► runs")
        await top.press("down", "c", "enter", "c", "enter", "escape")
        assert "cancel" not in jobs.asked
        await top.press("c")
        await top.shows("ends on   web-1, db-1")
        await top.type("2")
        await top.press("enter")
        await top.shows("cancelled: file.tail", "▬ cancelled")


async def test_nobody_agrees_to_what_they_asked_for() -> None:
    source = _source()
    source.commands.put(job_of("own", [command_of("db-1", "pending")], requester="bob", age_seconds=1))
    async with _opened(source=source) as top:
        await top.shows("bob", "(a Approve)")
        await top.press("a")
        await top.shows("you asked for it: another person must agree")
        assert not any(asked.startswith("approve") for asked in source.commands.asked)


async def test_a_role_that_only_reads_sees_actions_off_and_why() -> None:
    source = _source()
    source.commands.caller = msgspec.structs.replace(source.commands.caller, permissions=["commands.read"])
    async with _opened(source=source) as top:
        await top.shows("◇ waits", "(a Approve)", "(c Cancel)")
        for key, reason in (("a", "bob may not agree to commands"), ("c", "no role of theirs has commands.run")):
            await top.press(key)
            await top.shows(reason)
        assert [asked for asked in source.commands.asked if asked != "jobs"] == []


async def test_a_role_that_may_not_look_is_told_and_asks_no_more() -> None:
    source = _source()
    source.commands.caller = msgspec.structs.replace(source.commands.caller, permissions=[])
    async with _opened(source=source) as top:
        await top.shows("cannot list commands: your role does not allow it", "● 3")
        top.app.feed._paint()
        await top.pilot.pause()
        asked = len(source.commands.asked)
        await top.clock.advance(60)
        top.app.page.tick()
        await top.pilot.pause()
        assert len(source.commands.asked) == asked


async def test_no_command_yet_and_no_match() -> None:
    source = FleetSource(host_names(2))
    async with _opened(source=source) as top:
        await top.shows("no command in the 7d shown")
        source.commands.put(job_of("one", [command_of("web-1")]))
        await top.clock.advance(30)
        await top.shows("✔ done", "disk.usage")
        await top.press("slash")
        await top.type("state:failed")
        await top.shows("0 of 1 match state:failed; Esc clears")
        await top.press("escape")
        await top.shows("✔ done")


async def test_time_looks_further_back() -> None:
    source = _source()
    source.commands.put(job_of("old", [command_of("web-1")], action="host.uptime", age_seconds=9 * 86_400))
    async with _opened(source=source) as top:
        await top.shows("live 7d", "site.deploy")
        assert "host.uptime" not in top.text()
        await top.press("t")
        await top.type("90d")
        await top.press("enter")
        await top.shows("live 90d", "host.uptime")
        assert "t=-90d" in top.app.address
        await top.press("0")
        await top.until(lambda: "host.uptime" not in top.text() and "live 7d" in top.text())


async def test_the_end_of_a_fixed_time_leaves_out_what_came_later() -> None:
    async with _opened("commands?t=2025-10-09T08:00:00Z..2025-10-09T08:45:00Z") as top:
        await top.shows("site.deploy")
        assert "file.tail" not in top.text()


async def test_a_lost_server_keeps_the_list_and_asks_again_when_it_is_back() -> None:
    async with _opened() as top:
        await top.shows("◇ waits")
        top.put(Disconnected("cannot reach http://127.0.0.1:1: connection refused", 8.0))
        await top.shows("the list is as it was: cannot reach", "◇ waits")
        before = top.source.commands.asked.count("jobs")
        top.app.page.tick()
        assert top.source.commands.asked.count("jobs") == before
        top.source.commands.put(job_of("new", [command_of("web-1")], action="host.uptime", age_seconds=0))
        top.put(Connected(Hello("0.1.0", NOW_MS)))
        await top.shows("host.uptime")


async def test_a_failure_has_one_line_and_goes_with_the_next_answer() -> None:
    async with _opened() as top:
        await top.shows("◇ waits")
        top.source.commands.fails = DeadlineExceededError("cannot list commands: no answer in 30 s")
        await top.clock.advance(5)
        await top.shows("cannot list commands: no answer in 30 s", "◇ waits")
        top.source.commands.fails = None
        await top.clock.advance(15)
        await top.until(lambda: "no answer" not in top.text())


async def test_a_job_that_is_not_there_says_so() -> None:
    async with _opened("commands/abc") as top:
        await top.shows("cannot find job", "nagare commands list", "Esc goes back")
        await top.press("escape")
        await top.shows("▸ commands", "◇ waits")


async def test_foreign_text_is_text() -> None:
    source = FleetSource(host_names(2))
    bad = "[/][@click=app.quit]x\x1b]0;evil\x07"
    source.commands.put(
        job_of("bad", [command_of("db-1", "failed", text=bad, err=bad + "\n")], why=bad, arguments={"a": bad})
    )
    for tab in ("", "/together", "/plan"):
        async with _opened(_address("bad", tab), source=source) as top:
            await top.shows("[/][@click=app.quit]x␛]0;evil␇")


async def test_small_terminals_and_ascii() -> None:
    async with _opened(size=(60, 16), ascii=True) as top:
        await top.shows("w waits", "> runs")
        for keys in (("enter",), ("right_square_bracket",), ("right_square_bracket",), ("a",)):
            await top.press(*keys)
            for line in top.lines():
                assert line.isascii(), line
        await top.press("escape")
        for size in ((40, 10), (39, 9), (10, 3), (80, 24)):
            await top.pilot.resize_terminal(*size)
            await top.pilot.pause()
        await top.shows("commands")


async def test_drill_to_the_host_and_take_rows_away() -> None:
    async with _opened(_address("ended")) as top:
        await top.shows("exit 0")
        await top.press("Y")
        await top.shows("copied 4 lines")
        await top.press("down", "enter")
        await top.shows("▸ hosts ▸ db-1", "Timeline")


async def test_many_hosts_and_a_flood_stay_quick() -> None:
    names = [f"h{number:04}" for number in range(1000)]
    source = FleetSource(names[:3])
    source.commands.put(job_of("many", [command_of(name, "started") for name in names]))
    async with _opened(_address("many"), source=source) as top:
        for name in names:
            source.commands.write(name, "same line\n" * 20)
        await top.shows("20 lines, following")
        await top.press("right_square_bracket")
        await top.shows("── 1000 hosts (h0000, h0001,")
