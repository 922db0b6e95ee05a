"""How a host gets a new token over HTTP, and what becomes of the one before it."""

import hashlib
from typing import Any

import pytest

from nagare.keys.signing import SigningKey
from nagare.wire.codec import encode
from nagare.wire.hosts import TokenRenewal
from nagare.wire.signature import HEADER, signed_bytes
from tests.component.server.conftest import Answer, Api, Serve

PATH = "/api/v1/standing/token"
KEY = SigningKey.generate()


def _asked(token: str, key: SigningKey = KEY) -> tuple[bytes, dict[str, str]]:
    body = encode(TokenRenewal(hashlib.sha256(token.encode()).hexdigest()))
    return body, {HEADER: key.sign(signed_bytes(PATH, "identity", body)), "Content-Encoding": "identity"}


async def _renew(api: Api, token: str, key: SigningKey = KEY) -> Answer:
    body, headers = _asked(token, key)
    return await api.call("POST", PATH, body=body, headers=headers, token=token)


async def _standing(api: Api, token: str) -> Answer:
    return await api.call("GET", "/api/v1/standing", token=token)


async def _entries(api: Api, action: str) -> list[dict[str, Any]]:
    entries = (await api.call("GET", "/api/v1/audit?limit=1000")).json["entries"]
    return [entry for entry in entries if entry["action"] == action]


async def _due(api: Api) -> str:
    token = await api.register(public_key=KEY.public_key)
    assert (await api.call("POST", "/api/v1/hosts/web1/rotate")).json == {"hosts": 1}
    return token


async def test_both_hold_until_the_new_one_is_used(serve: Serve) -> None:
    async with serve() as api:
        old = await api.register(public_key=KEY.public_key)
        assert (await _standing(api, old)).json["renews_token"] is False
        assert (await _renew(api, old)).code == "conflict"
        assert (await api.call("POST", "/api/v1/hosts/rotate")).json == {"hosts": 1}
        assert (await _standing(api, old)).json["renews_token"] is True
        renewed = await _renew(api, old)
        assert (renewed.status, renewed.json["ca"]) == (200, "")
        assert (await _standing(api, old)).json["renews_token"] is True
    async with serve() as api:
        assert (await _standing(api, old)).status == 200
        assert (await _standing(api, renewed.json["token"])).json["renews_token"] is False
        assert (await _standing(api, old)).status == 401
    async with serve() as api:
        assert (await _standing(api, old)).status == 401
        assert (await _standing(api, renewed.json["token"])).status == 200


async def test_what_is_done_and_what_is_refused_is_on_record(api: Api) -> None:
    old = await _due(api)
    new = (await _renew(api, old)).json["token"]
    assert (await _standing(api, new)).status == 200
    for _ in range(3):
        assert (await _standing(api, old)).status == 401
    (demanded,), (renewed,) = await _entries(api, "hosts.rotate"), await _entries(api, "hosts.renew_token")
    assert (demanded["actor"], demanded["target"], demanded["after"]) == ("local", "web1", {"hosts": 1})
    assert (renewed["actor"], renewed["target"], renewed["outcome"]) == ("web1", "web1", "done")
    refused = await _entries(api, "hosts.standing")
    assert refused
    assert {entry["outcome"] for entry in refused} == {"refused"}
    text = str((await api.call("GET", "/api/v1/audit?limit=1000")).raw)
    assert old not in text
    assert new not in text


async def test_only_the_hosts_key_renews_and_only_its_present_token(api: Api) -> None:
    old = await _due(api)
    assert (await _renew(api, old, SigningKey.generate())).code == "unauthenticated"
    other = await api.register("web2", machine_id="m2", public_key=KEY.public_key)
    body, headers = _asked(other)
    assert (await api.call("POST", PATH, body=body, headers=headers, token=old)).status == 401
    assert (await api.call("POST", PATH, body=body, token=old)).status == 401
    assert (await api.call("POST", PATH, body=b"{", headers=headers, token=old)).status == 400
    assert (await api.call("POST", PATH, body=body, headers=headers)).status == 403
    assert (await _renew(api, old)).status == 200
    assert (await _renew(api, old)).code == "rate-limited"


@pytest.mark.parametrize("path", ["/api/v1/hosts/web1/revoke", "/api/v1/hosts/web1"])
async def test_a_host_that_is_out_has_neither(api: Api, path: str) -> None:
    old = await _due(api)
    new = (await _renew(api, old)).json["token"]
    assert (await api.call("POST" if path.endswith("revoke") else "DELETE", path)).status in (200, 204)
    assert (await _standing(api, new)).status == 401
    assert (await _standing(api, old)).status == 401


async def test_a_host_that_waits_keeps_its_rights_over_a_renewal(api: Api) -> None:
    minted = (await api.call("POST", "/api/v1/join-tokens", {})).json["token"].partition(".")[0]
    request = {"name": "web1", "machine_id": "m1", "version": "0.1.0", "public_key": KEY.public_key}
    old = (await api.call("POST", "/api/v1/hosts/register", request, token=minted)).json["token"]
    await api.call("POST", "/api/v1/hosts/web1/rotate")
    new = (await _renew(api, old)).json["token"]
    assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=new)).code == "host-pending"
    await api.call("POST", "/api/v1/hosts/web1/accept", {})
    assert (await _standing(api, new)).json["enrolment"] == "active"


async def test_a_key_for_which_one_signature_holds_for_every_message_is_not_registered(api: Api) -> None:
    request = {"name": "web1", "machine_id": "m1", "version": "0.1.0", "public_key": "AQ" + 41 * "A" + "="}
    refused = await api.call("POST", "/api/v1/hosts/register", request)
    assert refused.status == 400
    assert refused.json["errors"][0]["pointer"] == "#/public_key"
    assert (await api.call("POST", "/api/v1/hosts/register", {**request, "public_key": KEY.public_key})).status == 200


async def test_an_unknown_host_is_not_asked(api: Api) -> None:
    assert (await api.call("POST", "/api/v1/hosts/nobody/rotate")).status == 404
