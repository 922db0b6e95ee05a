"""What is meant to harm, from the request over HTTP to the program on a host: refused or contained, reported, on record."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nagare.config.settings import CommandSettings
from tests.component.commands.conftest import JOBS, Asker
from tests.component.server.conftest import Serve
from tests.support.executor_host import ExecutorHost

# What a shell would leave behind, and a word does not.
TRACE = "injected"
SAY = """risk = "none"
run = [["printf", "--", "%s", "{text}"]]
[parameters.text]
type = "string"
"""
SHOW = """risk = "none"
run = [["cat", "--", "{path}"]]
[parameters.path]
type = "path"
roots = ["LOGS"]
"""
BOMB = "b() ( b | b & ); b; exec sleep 60"


@pytest.fixture
async def world(serve: Serve, tmp_path: Path) -> AsyncIterator[tuple[Asker, ExecutorHost]]:
    """A server and a host with the real executor, connected."""
    host = ExecutorHost(tmp_path / "host")
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "out").symlink_to("/etc/passwd")
    host.box.define("site.say", SAY)
    host.box.define("site.show", SHOW.replace("LOGS", str(logs)))
    host.box.script("site.escapes", r"printf '\033]0;owned\007\033[2Jplain\n'")
    host.box.script("site.flood", "exec yes", limits="timeout_seconds = 1")
    host.box.script("site.bomb", BOMB, forks_freely="true", limits="pids = 40\ntimeout_seconds = 2")
    async with serve(sections={"commands": CommandSettings(actions=host.box.actions)}) as api:
        await host.register(api.session, api.running.url, api.admin)
        async with host.running() as executor, host.linked(api.session, api.running.url, executor):
            asker = Asker(api)
            async with asyncio.timeout(60):
                while not api.services.commands.agents.is_reachable(api.services.fleet.get("web1").id):
                    await api.call("GET", "/health", token=None)
            yield asker, host


async def _ran(asker: Asker, action: str, **arguments: Any) -> Any:
    """Return the command of a job once it has ended."""
    made = await asker.ask(action, "web1", arguments=arguments)
    await asker.lines(made["id"])
    return (await asker.get(made["id"]))["commands"][0]


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("site.say", {"text": "a\nb"}),
        ("site.say", {"text": "a\x00b"}),
        ("site.say", {"text": "\x1b[2J"}),
        ("site.say", {"text": ["a", "b"]}),
        ("site.say", {"text": "a", "more": "b"}),
        ("site.show", {"path": "/etc/passwd"}),
        ("site.show", {"path": "LOGS/../../etc/passwd"}),
        ("site.show", {"path": "-rf"}),
        ("service.status", {"unit": "x.service; reboot"}),
        ("process.kill", {"pid": "1 2"}),
    ],
)
async def test_an_argument_that_is_not_lawful_reaches_nobody_and_is_on_record(
    world: tuple[Asker, ExecutorHost], tmp_path: Path, action: str, arguments: dict[str, Any]
) -> None:
    asker, _ = world
    given = {name: value.replace("LOGS", str(tmp_path / "logs")) if isinstance(value, str) else value
             for name, value in arguments.items()}  # fmt: skip
    refused = await asker.try_to_ask(action, "web1", arguments=given)
    assert (refused.status, (await asker.api.call("GET", JOBS)).json["jobs"]) == (400, [])
    (entry,) = (await asker.api.call("GET", "/api/v1/audit?action=commands.run")).json["entries"]
    assert (entry["outcome"], entry["target"], entry["after"]["arguments"]) == ("failed", action, given)


@pytest.mark.parametrize(
    "text",
    [
        f"; touch {TRACE}",
        f"$(touch {TRACE})",
        f"`touch {TRACE}`",
        f"x'\"; touch {TRACE} #",
        "%s%n",
        "$HOME/*",
        "-n",
        "--help",
    ],
)
async def test_what_a_shell_would_run_is_a_word(world: tuple[Asker, ExecutorHost], text: str) -> None:
    asker, _ = world
    command = await _ran(asker, "site.say", text=text)
    assert (command["state"], command["stdout"]["text"]) == ("done", text)


async def test_a_link_out_of_its_folder_is_refused_by_the_host_and_told(
    world: tuple[Asker, ExecutorHost], tmp_path: Path
) -> None:
    asker, host = world
    command = await _ran(asker, "site.show", path=str(tmp_path / "logs/out"))
    assert (command["state"], command["reason"]) == ("failed", "bad-arguments")
    assert [event["kind"] for event in host.box.box.take()] == ["command.refused"]
    assert await asker.told(columns="kind, host") == [["command.failed", "web1"]]


async def test_escapes_floods_and_bombs_harm_nobody(world: tuple[Asker, ExecutorHost]) -> None:
    asker, _ = world
    shown = (await _ran(asker, "site.escapes"))["stdout"]["text"]
    assert ("plain" in shown, "\x1b" in shown, "\x07" in shown) == (True, False, False)
    flood = await _ran(asker, "site.flood")
    assert (flood["state"], flood["reason"]) == ("failed", "timeout")
    assert 0 < flood["stdout"]["total_bytes"] - flood["stdout"]["dropped_bytes"] <= 2**19
    bomb = await _ran(asker, "site.bomb")
    assert bomb["state"] == "failed"
    assert bomb["reason"] == "no-pids-limit" or any(hold.startswith("pids:") for hold in bomb["holds"])
    assert (await _ran(asker, "site.say", text="fine"))["stdout"]["text"] == "fine"
