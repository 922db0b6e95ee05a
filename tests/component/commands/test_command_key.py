"""The key of commands of a real server is replaced: agents are told before anything is signed with the new one."""

import asyncio
import subprocess
import sys
from pathlib import Path

from nagare.keys.command_keys import accept_keys, check_signature, key_id, trusted_keys
from nagare.wire.commands import Dispatch, KeysOffered
from tests.component.commands.conftest import JOBS, Asker
from tests.component.server.conftest import Api, Serve
from tests.support.command_agent import scripted_host

KEYS = f"{JOBS}/signing-keys"


async def test_connected_agents_learn_a_key_before_it_signs(api: Api, asker: Asker) -> None:
    host, old = await scripted_host(api, "web1"), await scripted_host(api, "old1")
    view = (await api.call("GET", KEYS)).json
    assert (view["stage"], view["number"], [key["state"] for key in view["keys"]]) == ("settled", 1, ["signs"])
    signing = view["keys"][0]["id"]
    held = api.services.commands.keys.text
    async with host.connected(keys_number=1) as agent, old.connected() as silent:
        for one in (agent, silent):
            await one.heard()
        changed = (await api.call("POST", f"{KEYS}/rotate", {"confirm": signing, "at_once": True})).json
        assert (changed["stage"], changed["number"], changed["hosts_behind"]) == ("settled", 2, ["old1"])
        await asker.ask("host.uptime", "web1", "old1")
        held = accept_keys(held, (await agent.next(KeysOffered)).keys)
        dispatch = await agent.next(Dispatch)
        check_signature(dispatch, trusted_keys(held))
        assert dispatch.key == changed["keys"][0]["id"] != signing
        # An agent of before is sent no frame that it does not know.
        assert (await silent.next(Dispatch)).key == dispatch.key
    entry = (await api.call("GET", "/api/v1/audit?action=commands.rotate")).json["entries"][0]
    assert (entry["target"], entry["before"]["number"], entry["after"]["number"]) == (signing[:16], 1, 2)
    assert entry["after"]["at_once"]


async def test_who_was_away_learns_it_when_it_comes_back(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    held = api.services.commands.keys.text
    for _ in range(3):
        signing = (await api.call("GET", KEYS)).json["keys"][0]["id"]
        assert (await api.call("POST", f"{KEYS}/rotate", {"confirm": signing, "at_once": True})).status == 200
    await asker.ask("host.uptime", "web1")
    async with host.connected(keys_number=1) as agent:
        held = accept_keys(held, (await agent.next(KeysOffered)).keys)
        check_signature(await agent.next(Dispatch), trusted_keys(held))


async def test_it_is_confirmed_and_only_by_who_may(api: Api, asker: Asker) -> None:
    operator = await asker.login("op", "operator")
    signing = key_id(trusted_keys(api.services.commands.keys.text)[0])
    assert (await api.call("GET", KEYS, token=operator)).status == 403
    assert (await api.call("POST", f"{KEYS}/rotate", {"confirm": signing}, token=operator)).status == 403
    assert (await api.call("POST", f"{KEYS}/rotate", {"confirm": "0" * 64})).code == "conflict"
    assert (await api.call("POST", f"{KEYS}/rotate", {"confirm": signing})).json["stage"] == "announced"
    assert (await api.call("POST", f"{KEYS}/rotate", {"confirm": signing})).code == "conflict"
    assert (await api.call("GET", KEYS)).json["number"] == 2


async def test_a_change_goes_on_after_a_restart(tmp_path: Path) -> None:
    serve = Serve(tmp_path)
    async with serve() as api:
        signing = (await api.call("GET", KEYS)).json["keys"][0]["id"]
        announced = (await api.call("POST", f"{KEYS}/rotate", {"confirm": signing})).json
        held = accept_keys("", api.services.commands.keys)
    async with serve() as api:
        assert (await api.call("GET", KEYS)).json["keys"] == announced["keys"]
        assert key_id(trusted_keys(held)[0]) == signing
        await api.call("POST", f"{KEYS}/rotate", {"confirm": signing, "at_once": True})
    async with serve() as api:
        found = (await api.call("GET", KEYS)).json
        assert (found["stage"], found["keys"][0]["id"]) == ("settled", announced["keys"][1]["id"])
        assert trusted_keys(accept_keys(held, api.services.commands.keys)) == trusted_keys(held)[1:]


async def test_the_command_line_shows_asks_and_rotates(tmp_path: Path) -> None:
    async def nagare(*words: str) -> tuple[int, str, str]:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "nagare.cli", "--data", str(tmp_path), *words,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        out, err = await child.communicate()
        return child.returncode or 0, out.decode(), err.decode()

    async with Serve(tmp_path)():
        listed = await nagare("commands", "keys", "list", "-o", "json")
        assert (listed[0], '"signs"' in listed[1]) == (0, True), listed
        code, _, err = await nagare("commands", "keys", "rotate")
        assert (code, "add --yes" in err) == (2, True), err
        code, out, err = await nagare("commands", "keys", "rotate", "--yes")
        assert (code, '"announced"' in out) == (0, True), err
        code, _, err = await nagare("commands", "keys", "rotate", "--yes")
        assert (code, "under way" in err) == (7, True), err
        _, out, _ = await nagare("doctor", "-o", "json")
        assert "a change is announced until" in out
