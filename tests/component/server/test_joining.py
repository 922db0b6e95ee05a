"""Join tokens over HTTP: what they let a machine do, and what becomes of it."""

import base64
from typing import Any

import pytest

from nagare.config.settings import AcceptRule, FleetSettings
from nagare.keys.signing import SigningKey
from nagare.wire.codec import decode_any
from tests.component.server.conftest import Answer, Api, Serve

KEY = SigningKey.generate().public_key


async def _mint(api: Api, **terms: Any) -> str:
    answer = await api.call("POST", "/api/v1/join-tokens", terms)
    assert answer.status == 200, answer.raw
    return str(answer.json["token"])


async def _join(api: Api, token: str, name: str = "web1", machine: str = "m1", key: str | None = None) -> Answer:
    request = {"name": name, "machine_id": machine, "version": "0.1.0", "public_key": key}
    return await api.call("POST", "/api/v1/hosts/register", request, token=token.partition(".")[0])


async def _enrolment(api: Api, name: str = "web1") -> str:
    return str((await api.call("GET", f"/api/v1/hosts/{name}")).json["enrolment"])


async def test_a_machine_waits_until_it_is_accepted(api: Api) -> None:
    joined = await _join(api, await _mint(api, labels={"rack": "b7"}))
    assert (joined.status, joined.json["enrolment"]) == (200, "pending")
    token = joined.json["token"]
    refused = await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=token)
    assert (refused.status, refused.code) == (403, "host-pending")
    assert refused.json["hint"] == "an operator lets it work: nagare hosts accept web1"
    # Everything else it lacks the permission for, as a host that works does.
    assert (await api.call("GET", "/api/v1/hosts", token=token)).code == "permission-denied"
    standing = await api.call("GET", "/api/v1/standing", token=token)
    assert (standing.json["enrolment"], standing.json["again_seconds"]) == ("pending", 1.5)
    accepted = await api.call("POST", "/api/v1/hosts/web1/accept", {"capabilities": ["commands"]})
    assert accepted.json["capabilities"] == ["commands", "metrics"]
    assert accepted.json["labels"] == {"rack": "b7"}
    standing = await api.call("GET", "/api/v1/standing", token=token)
    assert (standing.json["enrolment"], standing.json["capabilities"]) == ("active", ["commands", "metrics"])
    assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=token)).status == 200


async def test_many_that_wait_ask_the_more_seldom(api: Api) -> None:
    token = await _mint(api, uses=200)
    joined = [await _join(api, token, f"web{number}", f"m{number}") for number in range(100)]
    last = joined[-1]
    asked = await api.call("GET", "/api/v1/standing", token=last.json["token"])
    assert asked.json["again_seconds"] == 2.0
    for number in range(99):
        await api.call("POST", f"/api/v1/hosts/web{number}/accept", {})
    asked = await api.call("GET", "/api/v1/standing", token=last.json["token"])
    assert asked.json["again_seconds"] == 1.5


async def test_it_can_be_accepted_beforehand(api: Api) -> None:
    joined = await _join(api, await _mint(api, accepts=True))
    assert joined.json["enrolment"] == "active"
    assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=joined.json["token"])).status == 200


async def test_a_token_registers_and_nothing_else(api: Api) -> None:
    secret = (await _mint(api, uses=5)).partition(".")[0]
    for method, path in (("GET", "/api/v1/hosts"), ("POST", "/api/v1/sql"), ("POST", "/api/v1/join-tokens")):
        assert (await api.call(method, path, {}, token=secret)).status == 403


async def test_uses_and_time_are_bounded(serve: Serve) -> None:
    async with serve() as api:
        token = await _mint(api, uses=2)
        assert (await _join(api, token)).status == 200
        # The same installation asks again: its answer was lost, and nothing is spent.
        assert (await _join(api, token)).status == 200
        assert (await _join(api, token, "web2", "m2")).status == 200
        spent = await _join(api, token, "web3", "m3")
        assert (spent.status, "no use left" in spent.json["detail"]) == (403, True)
        listed = (await api.call("GET", "/api/v1/join-tokens")).json["tokens"]
        assert [(one["uses_left"], one["token"]) for one in listed] == [(0, "")]
        short = await _mint(api, expires_seconds=0.001)
        assert (await _join(api, short, "web4", "m4")).status == 401
    for terms in ({"uses": 0}, {"expires_seconds": 0}, {"expires_seconds": 1e9}, {"networks": ["10.0.0.0/33"]},
                  {"capabilities": ["root"]}, {"note": "a\x1b[2Jb"}):  # fmt: skip
        async with serve() as api:
            assert (await api.call("POST", "/api/v1/join-tokens", terms)).status == 400, terms


async def test_a_revoked_token_joins_nobody(api: Api) -> None:
    token = await _mint(api, uses=5)
    assert (await _join(api, token)).status == 200
    (one,) = (await api.call("GET", "/api/v1/join-tokens")).json["tokens"]
    assert (await api.call("DELETE", f"/api/v1/join-tokens/{one['id']}")).status == 204
    assert (await _join(api, token, "web2", "m2")).status == 401
    assert await _enrolment(api) == "pending"


@pytest.mark.parametrize(("networks", "status"), [(["127.0.0.0/8"], 200), (["10.0.0.0/8", "::1/128"], 403)])
async def test_networks_bound_where_it_may_come_from(api: Api, networks: list[str], status: int) -> None:
    assert (await _join(api, await _mint(api, networks=networks))).status == status


async def test_another_machine_of_the_name_is_shown_and_never_merged(api: Api) -> None:
    token = await _mint(api, uses=5, accepts=True)
    first = await _join(api, token, key=KEY)
    assert (await _join(api, token, machine="m2")).status == 409
    host = (await api.call("GET", "/api/v1/hosts/web1")).json
    assert host["conflict"].startswith("machine m2 at 127.0.0.1 asked for the name")
    events = (await api.call("GET", "/api/v1/events?kind=host.conflict")).json["events"]
    assert [event["attributes"]["machine_id"] for event in events] == ["m2"]
    # A copy of the disk has the machine's id, and soon another key: while the first is alive it is refused too.
    await api.services.store.flush()
    api.services.fleet.touch("web1")
    assert (await _join(api, token, key=SigningKey.generate().public_key)).status == 409
    assert (await _join(api, token, key=KEY)).json["id"] == first.json["id"]
    await api.call("POST", "/api/v1/hosts/web1/accept", {})
    assert (await api.call("GET", "/api/v1/hosts/web1")).json["conflict"] == ""


async def test_an_installation_made_anew_needs_a_word_from_an_operator(api: Api) -> None:
    token = await _mint(api, uses=5)
    await _join(api, token, key=KEY)
    await api.call("POST", "/api/v1/hosts/web1/accept", {"capabilities": ["update"]})
    again = await _join(api, token, key=SigningKey.generate().public_key)
    assert (again.json["enrolment"], again.json["capabilities"]) == ("pending", ["metrics", "update"])


async def test_a_revoked_host_is_out_until_it_is_accepted(api: Api) -> None:
    token = await _mint(api, uses=5, accepts=True)
    joined = await _join(api, token, key=KEY)
    assert (await api.call("POST", "/api/v1/hosts/web1/revoke")).json["enrolment"] == "revoked"
    batch = await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=joined.json["token"])
    assert batch.status == 401
    refused = await _join(api, token, key=KEY)
    assert (refused.status, "revoked" in refused.json["detail"]) == (403, True)
    # The owner of the data directory has no other right than to say so.
    assert (await _join(api, api.admin, key=KEY)).status == 403
    await api.call("POST", "/api/v1/hosts/web1/accept", {})
    assert (await _join(api, token, key=KEY)).json["enrolment"] == "active"


async def test_the_token_says_where_the_server_is(api: Api) -> None:
    secret, _, address = (await _mint(api, url="https://ops.example.net:8750")).partition(".")
    assert secret.startswith("ngj_")
    found = decode_any(base64.urlsafe_b64decode(address + "=" * (-len(address) % 4)))
    assert found == {"url": "https://ops.example.net:8750", "pin": ""}
    own = (await _mint(api)).partition(".")[2]
    assert decode_any(base64.urlsafe_b64decode(own + "=" * (-len(own) % 4)))["url"] == api.running.url


async def test_what_was_done_is_on_record_without_the_secret(api: Api) -> None:
    token = await _mint(api, note="rack b7")
    await _join(api, token)
    await api.call("POST", "/api/v1/hosts/web1/accept", {})
    await api.call("POST", "/api/v1/hosts/web1/revoke")
    listed = await api.call("GET", "/api/v1/audit")
    told = [(entry["action"], entry["actor"], entry["outcome"]) for entry in reversed(listed.json["entries"])]
    assert told == [
        ("hosts.mint", "local", "done"),
        ("hosts.register", "join:rack b7", "done"),
        ("hosts.accept", "local", "done"),
        ("hosts.revoke", "local", "done"),
    ]
    assert token.partition(".")[0].encode() not in listed.raw


async def test_states_outlive_a_restart(serve: Serve) -> None:
    async with serve() as api:
        token = await _mint(api, uses=5)
        await _join(api, token)
        await _join(api, token, machine="m2")
        await _join(api, token, "web2", "m3")
        await api.call("POST", "/api/v1/hosts/web2/revoke")
    async with serve() as api:
        assert [await _enrolment(api, name) for name in ("web1", "web2")] == ["pending", "revoked"]
        assert (await api.call("GET", "/api/v1/hosts/web1")).json["conflict"]
        assert (await _join(api, token, "web2", "m3")).status == 403


NEAR = AcceptRule("rack 7", networks=("127.0.0.0/8",), labels={"rack": "b7"}, capabilities=("commands",))
FAR = AcceptRule("elsewhere", networks=("10.0.0.0/8", "::1/128"))


def _rules(*rules: AcceptRule) -> dict[str, Any]:
    return {"fleet": FleetSettings(auto_accept=rules)}


async def test_a_rule_lets_in_by_network_and_by_labels_of_the_token(serve: Serve) -> None:
    async with serve(sections=_rules(FAR, NEAR)) as api:
        joined = await _join(api, await _mint(api, labels={"rack": "b7"}))
        assert (joined.json["enrolment"], joined.json["capabilities"]) == ("active", ["commands", "metrics"])
        told = (await api.call("GET", "/api/v1/audit?action=hosts.register")).json["entries"]
        assert [entry["detail"] for entry in told] == ["accepted by the rule rack 7"]
        # What the agent says of itself, and of the way it came, proves nothing.
        request = {"name": "web2", "machine_id": "m2", "version": "1", "labels": {"rack": "b7"}}
        secret = (await _mint(api)).partition(".")[0]
        headers = {"X-Forwarded-For": "10.1.1.1", "Forwarded": "for=10.1.1.1"}
        answer = await api.call("POST", "/api/v1/hosts/register", request, token=secret, headers=headers)
        assert answer.json["enrolment"] == "pending"


async def test_no_rule_lets_in_a_copy_or_a_contested_name(serve: Serve) -> None:
    rule = AcceptRule("near", networks=("127.0.0.0/8",))
    async with serve(sections=_rules(rule)) as api:
        token = await _mint(api, uses=20)
        assert (await _join(api, token, key=KEY)).json["enrolment"] == "active"
        # The same machine by another name, and with another key, which a copied disk would have.
        assert (await _join(api, token, "web2", key=KEY)).json["enrolment"] == "pending"
        assert (await _join(api, token, key=SigningKey.generate().public_key)).json["enrolment"] == "pending"
        assert (await _join(api, token, "web1", "m9")).status == 409
        assert await _enrolment(api) == "pending"
        # Another machine asks for the name of one that works: neither is let in by a rule from then on.
        assert (await _join(api, token, "web3", "m3", KEY)).json["enrolment"] == "active"
        assert (await _join(api, token, "web3", "m4")).status == 409
        await api.call("POST", "/api/v1/hosts/web3/revoke")
        assert (await _join(api, token, "web3", "m3", KEY)).status == 403


async def test_a_host_that_waits_from_before_the_rule_is_let_in_by_it(serve: Serve) -> None:
    async with serve() as api:
        token = await _mint(api, uses=5)
        assert (await _join(api, token)).json["enrolment"] == "pending"
    async with serve(sections=_rules(AcceptRule("near", networks=("127.0.0.0/8",)))) as api:
        assert (await _join(api, token)).json["enrolment"] == "active"


async def test_a_host_does_not_put_itself_into_a_group(api: Api) -> None:
    async def labels(name: str, token: str, own: dict[str, str]) -> Any:
        request = {"name": name, "machine_id": name, "version": "1", "labels": own}
        answer = await api.call("POST", "/api/v1/hosts/register", request, token=token.partition(".")[0])
        assert answer.status == 200, answer.raw
        return (await api.call("GET", f"/api/v1/hosts/{name}")).json["labels"]

    own = {"group": "db", "os": "linux"}
    assert await labels("web1", await _mint(api), own) == {"os": "linux"}
    assert await labels("web2", await _mint(api, labels={"group": "web"}), own) == {"os": "linux", "group": "web"}
    # Nor when it registers again, by the token that let it in.
    again = await _mint(api, uses=2)
    assert await labels("web3", again, {"os": "linux"}) == {"os": "linux"}
    assert await labels("web3", again, own) == {"os": "linux"}
    # The owner of the installation says it of its own host.
    assert await labels("web4", api.admin, own) == own
