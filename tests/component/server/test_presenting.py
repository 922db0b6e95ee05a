"""A host says what it is by now with its own token: an update or a new kernel is no reason to join again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nagare.agent.enrolment import Enrolment, Machine
from nagare.agent.identity import IdentityFiles
from nagare.client.client import Client
from nagare.client.target import Target
from nagare.config.places import Places
from nagare.config.settings import AgentSettings
from nagare.errors import UnauthenticatedError
from nagare.keys.signing import SigningKey
from nagare.lib.clock import SystemClock
from nagare.wire.codec import encode
from nagare.wire.joining import JoinTokenRequest
from nagare.wire.signature import HEADER, signed_bytes
from tests.component.server.conftest import Answer, Api

PATH = "/api/v1/standing"
KEY = SigningKey.generate()
NEWS = {"version": "0.2.0", "interval_seconds": 10.0, "facts": {"kernel": "7"}, "labels": {"env": "lab"}}


async def _present(api: Api, token: str, told: Any = NEWS, key: SigningKey = KEY) -> Answer:
    body = told if isinstance(told, bytes) else encode(told)
    headers = {HEADER: key.sign(signed_bytes(PATH, "identity", body)), "Content-Encoding": "identity"}
    return await api.call("PUT", PATH, body=body, headers=headers, token=token)


async def _host(api: Api, name: str = "web1") -> dict[str, Any]:
    host: dict[str, Any] = (await api.call("GET", f"/api/v1/hosts/{name}")).json
    return host


async def test_what_a_host_says_of_itself_is_what_people_see(api: Api) -> None:
    token = await api.register(public_key=KEY.public_key, labels={"env": "test", "rack": "b7"})
    before = await _host(api)
    answer = await _present(api, token)
    assert (answer.status, answer.json["name"], answer.json["enrolment"]) == (200, "web1", "active")
    after = await _host(api)
    assert {name: after[name] for name in NEWS} == NEWS
    assert [after[name] for name in ("id", "registered_at", "capabilities")] == [
        before[name] for name in ("id", "registered_at", "capabilities")
    ]
    # Its token and its key are as they were.
    assert (await api.call("GET", PATH, token=token)).status == 200
    (entry,) = (await api.call("GET", "/api/v1/audit?action=hosts.present")).json["entries"]
    assert (entry["actor"], entry["target"], entry["outcome"]) == ("web1", "web1", "done")
    assert (entry["before"]["version"], entry["after"]["version"]) == ("0.1.0", "0.2.0")


async def test_an_operators_word_and_the_groups_stay(api: Api) -> None:
    token = await api.register(public_key=KEY.public_key, labels={"env": "test", "group": "db"})
    await api.call("PATCH", "/api/v1/hosts/web1", {"labels": {"env": "prod", "group": "db"}})
    assert (await _present(api, token, {**NEWS, "labels": {"env": "lab", "group": "admin"}})).status == 200
    assert (await _host(api))["labels"] == {"env": "prod", "group": "db"}


async def test_a_host_that_waits_may_say_what_it_is_and_waits_on(api: Api) -> None:
    minted = await api.call("POST", "/api/v1/join-tokens", {})
    request = {"name": "web1", "machine_id": "m1", "version": "0.1.0", "public_key": KEY.public_key}
    joined = await api.call("POST", "/api/v1/hosts/register", request, token=minted.json["token"].partition(".")[0])
    answer = await _present(api, joined.json["token"])
    assert (answer.status, answer.json["enrolment"]) == (200, "pending")
    assert (await _host(api))["version"] == "0.2.0"


async def test_only_the_key_of_the_host_speaks_for_it(api: Api) -> None:
    token = await api.register(public_key=KEY.public_key)
    plain = await api.register("web2", "m2")
    for answer in (
        await _present(api, token, key=SigningKey.generate()),
        await _present(api, plain),
        await api.call("PUT", PATH, NEWS, token=token),
        await _present(api, "nothing"),
    ):
        assert (answer.status, answer.code) == (401, "unauthenticated")
    # A signature of the same words for another purpose is none for this one.
    body = encode(NEWS)
    headers = {
        HEADER: KEY.sign(signed_bytes("/api/v1/metrics/batch", "identity", body)),
        "Content-Encoding": "identity",
    }
    assert (await api.call("PUT", PATH, body=body, headers=headers, token=token)).status == 401
    assert (await api.call("PUT", PATH, NEWS)).code == "permission-denied"
    assert [(await _host(api, name))["version"] for name in ("web1", "web2")] == ["0.1.0", "0.1.0"]


@pytest.mark.parametrize(
    "told",
    [
        {**NEWS, "version": ""},
        {**NEWS, "interval_seconds": 0.0},
        {**NEWS, "labels": {"": "x"}},
        {**NEWS, "facts": {"kernel": "x" * 5000}},
        {"interval_seconds": 5.0},
        b"nothing",
    ],
)
async def test_what_is_not_lawful_changes_nothing(api: Api, told: Any) -> None:
    token = await api.register(public_key=KEY.public_key)
    before = await _host(api)
    answer = await _present(api, token, told)
    assert answer.status == 400
    assert await _host(api) == before


async def test_an_agent_whose_join_token_is_gone_tells_its_new_version(api: Api, tmp_path: Path) -> None:
    places = Places(tmp_path / "agent")
    places.spool.mkdir(parents=True)
    joining, machine = tmp_path / "join.token", Machine("m1", KEY, {"kernel": "6"})

    def start() -> Enrolment:
        settings = AgentSettings(name="web1", join_token_file=joining if joining.exists() else None)
        return Enrolment(settings, places, IdentityFiles(places, tmp_path / "agent"), SystemClock())

    async with Client(Target(api.running.url, api.admin), deadline_seconds=10) as client:
        minted = await client.mint_join_token(JoinTokenRequest(url=api.running.url, accepts=True))
    joining.touch(mode=0o600)
    joining.write_text(minted.token)
    joined = await start().register(machine, deadline_seconds=10)
    joining.unlink()
    newer, enrolment = replace(machine, facts={"kernel": "7"}), start()
    known = enrolment.find_identity(newer)
    assert known is not None
    assert not enrolment.is_current(known, newer)
    presented = await enrolment.register(newer, deadline_seconds=10)
    assert (presented.token, presented.host_id) == (joined.token, joined.host_id)
    assert (await _host(api))["facts"] == {"kernel": "7"}
    restarted = start()
    found = restarted.find_identity(newer)
    assert found is not None
    assert restarted.is_current(found, newer)
    # Shut out, it says so: a local token of this machine is not looked for.
    assert (await api.call("POST", "/api/v1/hosts/web1/revoke")).status == 200
    with pytest.raises(UnauthenticatedError):
        await restarted.register(machine, deadline_seconds=10)
