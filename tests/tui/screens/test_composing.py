"""A command is composed step by step, shown whole before it runs, and started only by who types what it is about."""

import pytest
from textual.widgets import Input  # noqa: TID253  these tests drive textual itself

from nagare.errors import ConnectFailedError, InputError
from nagare.wire.command_jobs import Targets
from tests.tui.fleet import FleetSource, host_names
from tests.tui.jobs import command_of, job_of
from tests.tui.stage import SIZES, Scene, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")


async def _fill(top: Scene, action: str, *texts: str) -> None:
    """Choose an action, and type a text into each field up to the plan."""
    await top.shows("Run an action")
    await top.type(action)
    await top.press("enter")
    await top.shows("Enter shows the plan")
    for text in texts:
        await top.type(text)
        await top.press("enter")


@pytest.mark.parametrize("size", SIZES)
async def test_a_command_that_needs_nobody_runs_from_the_plan(size: tuple[int, int]) -> None:
    async with scene("commands", size) as top:
        await top.press("n")
        await _fill(top, "disk", "web-1 db-1")
        await top.shows(
            "Run this?", "runs      disk-usage", "on        web-1, db-1 (2 hosts)", "nobody need agree", "b7" * 32
        )
        assert "start" not in top.source.commands.asked
        await top.press("enter")
        await top.shows("▸ disk.usage", "◔ queued", "0/2")
        assert top.source.commands.requests[-1].targets == Targets(["web-1", "db-1"])
        assert top.source.commands.requests[-1].confirm == "b7" * 32


async def test_a_risk_takes_the_name_of_the_host() -> None:
    async with scene("commands") as top:
        await top.press("n")
        await _fill(top, "restart", "web-1", "nginx.service")
        await top.shows("you confirm it", "type web-1 to run it")
        await top.press("enter")
        assert "start" not in top.source.commands.asked
        await top.type("web-1")
        await top.press("enter")
        await top.shows("▸ service.restart", "unit=nginx.service")


async def test_a_second_person_is_asked_for_and_waited_for() -> None:
    async with scene("commands") as top:
        await top.press("n")
        await _fill(top, "deploy", "*", "4.2", "blue")
        await top.shows("another person must agree: it waits for them", "type 4 to ask for it")
        await top.type("4")
        await top.press("enter")
        await top.shows("▸ site.deploy", "◇ waits", "you asked for it: another person must agree")


async def test_marked_hosts_are_the_targets() -> None:
    async with scene("hosts") as top:
        await top.press("space", "space", "full_stop")
        await top.shows("Run an action on")
        await _fill(top, "disk")
        form = top.app.screen.query_one("#field-targets", Input)
        assert len(form.value.split()) == 2
        await top.press("enter")
        await top.shows("Run this?", "(2 hosts)")


async def test_a_host_runs_on_itself_and_a_job_again_on_its_hosts() -> None:
    source = FleetSource(host_names(3))
    job = job_of("old", [command_of("web-1"), command_of("cache-1")])
    source.commands.put(job)
    async with scene("hosts/db-1", source=source) as top:
        await top.press("full_stop")
        await top.shows("Run an action on db-1")
        await top.press("escape")
        await top.app.go(top.app.page.location.with_job(job.id))
        await top.shows("▸ disk.usage")
        await top.press("n")
        await top.shows("Run an action on web-1 cache-1")


async def test_what_is_wrong_is_told_while_it_is_typed_and_enter_goes_there() -> None:
    async with scene("commands") as top:
        await top.press("n")
        await _fill(top, "deploy", "web-1")
        await top.shows("it is needed")
        await top.type("4;reboot")
        await top.shows("does not match [0-9.]+")
        await top.press("enter")
        assert "check" not in top.source.commands.asked
        assert isinstance(top.app.focused, Input)
        assert top.app.focused.id == "field-argument-version"


async def test_a_secret_is_never_shown() -> None:
    async with scene("commands", (120, 40)) as top:
        await top.press("n")
        await _fill(top, "deploy", "web-1", "4.2", "blue")
        await top.shows("type web-1 to ask for it")
        await top.press("escape")
        top.app.screen.query_one("#field-argument-token", Input).focus()
        await top.type("s3cret-value")
        await top.shows("••••••••••••")
        assert "s3cret" not in top.text()
        await top.press("enter")
        await top.shows("secrets   token: given, shown nowhere")
        assert "s3cret" not in top.text()
        assert top.source.commands.requests[-1].secrets == {"token": "s3cret-value"}


async def test_what_the_server_refuses_comes_back_to_the_form_and_nothing_is_lost() -> None:
    async with scene("commands") as top:
        jobs = top.source.commands
        await top.press("n")
        await top.shows("Run an action")
        await top.type("restart")
        await top.press("enter")
        jobs.fails = InputError("cannot run service.restart: the unit is not allowed here", hint="ask its owner")
        await top.type("web-1")
        await top.press("enter")
        await top.type("nginx.service")
        await top.press("enter")
        await top.shows("the unit is not allowed here; ask its owner")
        assert top.app.screen.query_one("#field-argument-unit", Input).value == "nginx.service"
        jobs.fails, jobs.unable = None, {"gone": "it is not connected"}
        top.app.screen.query_one("#field-targets", Input).value = "gone"
        await top.press("enter")
        await top.shows("no host can be asked: gone: it is not connected")


async def test_a_start_without_an_answer_is_not_repeated() -> None:
    async with scene("commands") as top:
        await top.press("n")
        await _fill(top, "disk", "web-1")
        await top.shows("Run this?")
        top.source.commands.fails = ConnectFailedError("cannot reach http://127.0.0.1:1: connection reset")
        await top.press("enter")
        await top.shows("connection reset", "it may have begun, or not: the list tells")
        assert top.source.commands.asked.count("start") == 1


async def test_an_action_that_is_not_for_the_role_says_so() -> None:
    async with scene("commands") as top:
        await top.press("n")
        await top.shows("(not for your role)")
        await top.type("shell")
        await top.press("enter")
        await top.shows("your role may not run shell.run")
        await top.press(*["backspace"] * 5)
        await top.type("no such")
        await top.shows("no action matches; 4 are known")


async def test_hosts_are_chosen_from_a_list_that_says_which_ones_are_meant() -> None:
    async with scene("commands", (120, 40)) as top:
        await top.press("n")
        await _fill(top, "disk")
        await top.press("f2")
        await top.shows(
            "Choose hosts", "every host", "@front", "group", "role=db", "4 hosts: cache-1, db-1, web-1, worker-1"
        )
        await top.type("rolb")
        await top.shows("[ ] role=db", "1 host: db-1")
        await top.press("tab")
        await top.press(*["backspace"] * 4)
        await top.type("front")
        await top.press("tab")
        # Those of the group, and those with the label.
        await top.shows("[x] @front", "2 hosts: db-1, web-1")
        await top.press("enter")
        await top.shows("Enter shows the plan")
        assert top.app.screen.query_one("#field-targets", Input).value == "role=db @front"
        await top.press("f2")
        await top.shows("[x] role=db", "[x] @front")
        await top.press("tab")
        # Every host is chosen alone.
        await top.shows("[x] *", "[ ] @front")
        await top.press("escape")
        await top.shows("Enter shows the plan")
        assert top.app.screen.query_one("#field-targets", Input).value == "role=db @front"


async def test_what_was_typed_stays_marked_and_a_server_without_groups_is_no_obstacle() -> None:
    async with scene("commands", (80, 24)) as top:
        await top.press("n")
        await _fill(top, "disk")
        await top.type("elsewhere-1")
        top.source.fails = InputError("cannot list groups")
        await top.press("f2")
        await top.shows("[x] elsewhere-1", "typed", "no known host: the server may know more")
        assert "@front" not in top.text()
        top.source.fails = None
        await top.press("enter")
        assert top.app.screen.query_one("#field-targets", Input).value == "elsewhere-1"


@pytest.mark.parametrize("size", SIZES)
async def test_glass_is_broken_with_a_reason_and_a_red_agreement(size: tuple[int, int]) -> None:
    async with scene("commands", size) as top:
        await top.press("n")
        await _fill(top, "deploy", "web-1 db-1", "4.2")
        await top.type("blue")
        top.app.screen.query_one("#field-break_glass", Input).value = "the shop is down and nobody answers"
        await top.press("enter")
        await top.shows("BREAK GLASS: run this without the second person?", "NOBODY ELSE AGREES", "the shop is down")
        assert top.app.screen.has_class("-grave")
        await top.press("enter")
        assert "start" not in top.source.commands.asked
        await top.type("2")
        await top.press("enter")
        await top.shows("▸ site.deploy")
        assert top.source.commands.requests[-1].break_glass == "the shop is down and nobody answers"


async def test_there_is_no_glass_where_nobody_else_must_agree() -> None:
    async with scene("commands") as top:
        await top.press("n")
        await _fill(top, "restart")
        assert not top.app.screen.query("#field-break_glass")


async def test_esc_is_one_step_back_each_time() -> None:
    async with scene("commands", (80, 24)) as top:
        await top.press("n")
        await _fill(top, "disk", "web-1")
        await top.shows("Run this?")
        for shown in ("Enter shows the plan", "Run an action", "▸ commands"):
            await top.press("escape")
            await top.shows(shown)
        assert "start" not in top.source.commands.asked


async def test_ascii_and_small() -> None:
    async with scene("commands", (60, 16), ascii=True) as top:
        for keys in (("n",), ("enter",), (*"web-1", "enter")):
            await top.press(*(key if key != "-" else "minus" for key in keys))
            await top.pilot.pause(0.05)
            for line in top.lines():
                assert line.isascii(), line
