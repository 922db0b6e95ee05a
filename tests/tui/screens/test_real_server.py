"""The app on a real server and a real agent of this machine, and through the server's death and return."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot  # noqa: TID253  these tests drive textual itself

from nagare.client.client import Client
from nagare.client.target import find_target
from nagare.config.settings import Settings
from nagare.config.terminal import TopSettings
from nagare.lib.names import check_host
from nagare.tui.app import TopApp
from nagare.tui.location import parse_location
from nagare.tui.widgets.sql_editor import SqlEditor
from tests.support.processes import child_environment, collecting, nagare_argv, serving

pytestmark = pytest.mark.may_block(reason="starts processes and draws whole screens")
HOST = check_host(os.uname().nodename)


@asynccontextmanager
async def _top(data: Path, location: str, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[Any]]:
    app = TopApp(Settings(data=data), parse_location(location))
    async with app.run_test(size=size) as pilot:
        yield pilot


def _text(pilot: Pilot[Any]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def _until(pilot: Pilot[Any], holds: Callable[[str], bool], what: str) -> None:
    for _ in range(600):
        await pilot.pause(0.05)
        if holds(_text(pilot)):
            return
    raise AssertionError(f"{what} never came; the screen shows:\n{_text(pilot)}")


async def _shows(pilot: Pilot[Any], *words: str) -> None:
    await _until(pilot, lambda text: all(word in text for word in words), f"{words}")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return child_environment(HOME=str(tmp_path), NAGARE_AGENT__INTERVAL_SECONDS="0.5")


async def test_it_opens_first_and_follows_the_server_that_comes_dies_and_returns(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    data = tmp_path / "data"
    async with _top(data, "overview") as pilot:
        await _shows(pilot, "no server", "nagare up")
        with serving(data, environment=environment):
            await pilot.press("r")
            await _shows(pilot, "no hosts yet")
            with collecting(data, environment=environment):
                await _shows(pilot, HOST, "Hottest hosts", "CPU")
        await _shows(pilot, "no data since", "r now")
        with serving(data, environment=environment), collecting(data, environment=environment):
            await pilot.press("r")
            await _until(pilot, lambda text: "no data since" not in text and "● 0" not in text, "the server")


async def test_every_tab_shows_this_machine_and_a_diagnosis_looks_into_it(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    data = tmp_path / "data"
    with serving(data, environment=environment), collecting(data, environment=environment):
        async with _top(data, f"hosts/{HOST}", (200, 60)) as pilot:
            await _shows(pilot, "busy", "CPU", "Memory", "Load")
            for tab, words in (
                ("processes", ("nagare",)), ("cores", ("core", "all")), ("disks", ("File systems", "/")),
                ("network", ("Interfaces", "lo")), ("events", ("agent",)), ("agent", ("cpu", "memory", "yes")),
            ):  # fmt: skip
                await pilot.app.go(parse_location(f"hosts/{HOST}/{tab}"))  # type: ignore[attr-defined]
                await _shows(pilot, *words)
            await pilot.press("D")
            await _shows(pilot, f"diagnose ▸ {HOST}", "no model was used", f"of        {HOST}")


async def test_the_past_comes_by_sql(tmp_path: Path, environment: dict[str, str]) -> None:
    data = tmp_path / "data"
    with serving(data, environment=environment), collecting(data, environment=environment):
        async with _top(data, f"hosts/{HOST}?t=-1m") as pilot:
            await _shows(pilot, "busy")
            await asyncio.sleep(2)
            await pilot.press("left", "left", "left")
            await pilot.press("right_square_bracket")
            await _shows(pilot, "REPLAY", "nagare")
            await pilot.press("0")
            await _until(pilot, lambda text: "REPLAY" not in text, "the present")
            assert "cannot" not in _text(pilot)


async def test_the_network_has_what_a_real_agent_probes_and_what_a_label_names(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    data, settings = tmp_path / "data", tmp_path / "nagare.toml"
    # An address for examples: nothing answers there, anywhere.
    settings.write_text('[[agent.probes]]\ntarget = "192.0.2.1:9"\nkind = "tcp"\ntimeout_seconds = 0.05\n')
    with (
        serving(data, environment=environment) as server,
        collecting(data, "--config", str(settings), environment=environment),
    ):
        async with _top(data, "network", (200, 60)) as pilot:
            await _shows(pilot, HOST, "192.0.2.1 is down, and 1 host behind it", "no answer to the o")
            labels = {"labels": {"switch": "sw-7"}}
            await asyncio.to_thread(server.request, f"/api/v1/hosts/{HOST}", labels, method="PATCH")
            await _shows(pilot, "● sw-7")


_NOTIFY = """
[route]
receiver = "ops"
group_wait = "0s"

[[receiver]]
name = "ops"
[[receiver.channel]]
name = "hook"
kind = "webhook"
url = "http://127.0.0.1:9/"

[[heartbeat]]
name = "backup"
every = "1d"
"""


async def test_what_cannot_be_delivered_is_seen_given_up_and_tried_again(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    data, notify = tmp_path / "data", tmp_path / "notify.toml"
    notify.write_text(_NOTIFY)
    with serving(data, environment={**environment, "NAGARE_ALERTS__NOTIFY_FILE": str(notify)}):
        async with Client(find_target(Settings(data=data))) as client:
            await client.send("POST", "/api/v2/alerts", [{"labels": {"alertname": "DiskFull", "host": "db-1"}}], None)
        async with _top(data, "incidents") as pilot:
            await _shows(pilot, "◉ firing", "alertname=Disk", "ops")
            await _go(pilot, _TOLD)


_Steps = tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
_RUN: _Steps = (
    (("n",), ("disk.usage", "host.reboot")),
    ((*"usage", "enter"), ("Enter shows the plan",)),
    ((*"web1", "enter"), ("no host can be asked", "--allow commands")),
)
_RUN_ON: _Steps = (
    (("enter",), ("Run this?", "df -P -h -T", "nobody need agree")),
    (("enter",), ("✔ done", "exit 0", "| Filesystem")),
    (("right_square_bracket",), ("── web1: done",)),
    (("escape", "n"), ("Run an action",)),
    ((*"reboot", "enter"), ("Enter shows the plan",)),
    (("asterisk", "enter"), ("another person must agree", "type web1 to ask for it")),
    ((*"web1", "enter"), ("◇ waits", "you asked for it: another person must agree")),
    (("c",), ("ends on   web1 (1 of 1 hosts)",)),
    ((*"web1", "enter"), ("▬ cancelled", "cancelled: host.reboot")),
    (("escape",), ("✔ done", "▬ cancelled", "disk.usage", "host.reboot")),
)

_TOLD: _Steps = (
    (("enter",), ("DiskFull", "db-1", "nobody has it in hand")),
    (("right_square_bracket",), ("ops/hook", "cannot reach")),
    (("X",), ("Give up?",)),
    (("enter",), ("⊟ dropped", "given up: ops/hook")),
    (("right_square_bracket",), ("the incident began", "try 1 failed", "given up")),
    (("a",), ("Take in hand", "DiskFull db-1 (firing)")),
    (("enter",), ("in hand: DiskFull db-1",)),
    (("N",), ("⊟ dropped",)),
    (("T",), ("Send again?",)),
    (("enter",), ("◒ waiting", "sent again: ops/hook")),
    (("P",), ("everything", "hook (webhook)")),
    (("T",), ("type ops to send a test",)),
    ((*"ops", "enter"), ("reason:test", "Test (1 firing)")),
    (("B",), ("◒ waiting", "backup")),
)


async def _go(pilot: Pilot[Any], steps: _Steps) -> None:
    for keys, words in steps:
        await pilot.press(*keys)
        await _shows(pilot, *words)


async def test_a_command_is_composed_runs_on_a_real_agent_and_is_followed(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    data, policy = tmp_path / "data", tmp_path / "policy.toml"
    policy.write_text('[[allow]]\nactions = ["disk.*"]\n')
    policy.chmod(0o600)
    environment = {**environment, "NAGARE_COMMANDS__POLICY": str(policy), "NAGARE_AGENT__NAME": "web1"}
    with serving(data, environment=environment), collecting(data, environment=environment):
        async with _top(data, "commands") as pilot:
            await _shows(pilot, "no command in the 7d shown", "● 1")
            await _go(pilot, _RUN)
            accept = nagare_argv("--data", data, "hosts", "accept", "web1", "--allow", "commands")
            process = await asyncio.create_subprocess_exec(*accept, env=environment)
            assert await process.wait() == 0
            await _go(pilot, _RUN_ON)


# Hours of work, in which the only place for queries is taken.
_ENDLESS = "select count(*) from range(1000000) a, range(1000000) b where a.range % 7 = b.range % 11"
_ASK: _Steps = (
    (("f5",), ("asking for",)),
    (("escape",), ("ended after",)),
    (("f7", "backspace", *"selec", "f5"), ("syntax error", "line 1, column 1", "^^^^^")),
    (("f7", "backspace", *"from", "space"), ("t agent ", "t cpu ")),
    (("f2", "enter"), ("no rows in the 1h looked at", "host", "busy", "peak")),
    (("f2", *"newest", "enter"), ("select * from (select *", "no rows in")),
    (("f3",), ("selec ", "no answer", "0 rows")),
    (("escape", "f2", *"fuller", "enter"), ("$most",)),
    ((*"0.9", "enter"), ("used_ratio > $most", "0 rows in")),
)


async def test_queries_are_asked_ended_and_named_where_they_are_wrong(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    data = tmp_path / "data"
    bounds = {"NAGARE_QUERY__CONCURRENCY": "1", "NAGARE_QUERY__DEADLINE_SECONDS": "3600"}
    with serving(data, environment={**environment, **bounds}):
        settings = Settings(data=data, top=TopSettings(state=tmp_path / "state"))
        app = TopApp(settings, parse_location("query"))
        async with app.run_test(size=(120, 40)) as pilot:
            await _shows(pilot, "Nothing is asked yet", "● 0")
            app.page.query_one(SqlEditor).put(_ENDLESS)
            await _go(pilot, _ASK)
