"""Logging in by an OpenID provider over real HTTP: a browser, a terminal, and providers that lie."""

import asyncio
import dataclasses
import json
from typing import Any

import pytest
from aiohttp import web

from tests.component.server.conftest import Api
from tests.component.server.oidc.site import (
    OIDC,
    PASSWORD,
    Site,
    World,
    changed,
    cookies_of,
    document,
    query_of,
)
from tests.support.openid_provider import (
    SECRET,
    Claims,
    make_key,
)


async def test_a_browser_logs_in_and_is_a_user_with_roles(site: Site) -> None:
    address, cookie = await site.begin("?return_to=/somewhere?a=%3Cb")
    asked = query_of(address)
    assert asked["scope"] == "openid profile email"
    assert asked["redirect_uri"] == f"{site.api.running.url}{OIDC}/callback"
    answer = await site.back(await site.consent(address), cookie)
    assert answer.status == 200, answer.raw
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"url=/somewhere?a=&lt;b" in answer.raw
    cookies = cookies_of(answer)
    for name in ("nagare_access", "nagare_refresh"):
        assert (cookies[name]["httponly"], cookies[name]["samesite"]) == (True, "Strict")
    assert (cookies["nagare_oidc"].value, cookies["nagare_oidc"]["max-age"]) == ("", "0")
    me = await site.me(answer)
    assert (me["name"], me["kind"]) == ("ada", "user")
    assert "hosts.write" in me["permissions"]
    (session,) = await site.sessions()
    assert (session["user"], session["origin"]) == ("ada", "oidc")
    user = (await site.api.call("GET", "/api/v1/users/ada")).json
    assert user["identity"] == {"issuer": site.provider.url, "subject": "248289761001"}
    assert (user["has_password"], user["grants"]) == (False, [{"role": "operator", "groups": None}])
    assert user["last_login_at"] is not None
    (entry,) = await site.audit("auth.login")
    assert (entry["outcome"], entry["actor"], entry["target"]) == ("done", "ada", "ada")
    assert entry["after"]["method"] == "oidc"
    assert entry["after"]["subject"] == "248289761001"
    # Nothing of the provider's is kept in the log, and nothing that would let somebody in.
    assert not any(secret in json.dumps(entry) for secret in (SECRET, asked["state"], asked["nonce"]))


async def test_the_cookie_of_a_login_that_begins_comes_back_from_elsewhere_and_from_nowhere_else(site: Site) -> None:
    answer = await site.api.call("GET", f"{OIDC}/login", token=None)
    morsel = cookies_of(answer)["nagare_oidc"]
    assert (morsel["samesite"], morsel["httponly"], morsel["path"]) == ("Lax", True, OIDC)
    assert morsel["max-age"] == "600"


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "/a\r\nb", "/" + "a" * 600]
)
async def test_a_login_leads_to_no_other_site(site: Site, path: str) -> None:
    from urllib.parse import quote

    answer = await site.login(f"?return_to={quote(path, safe='')}")
    assert b'url=/"' in answer.raw


@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA"])
async def test_every_algorithm_of_the_list_is_taken(site: Site, alg: str) -> None:
    site.provider.key = make_key(alg)
    site.provider.keys = [site.provider.key]
    assert (await site.login()).status == 200


async def test_keys_that_are_new_are_fetched_once_and_not_for_every_liar(site: Site) -> None:
    assert (await site.login()).status == 200
    assert (await site.login()).status == 200
    assert site.provider.count("/jwks") == 1
    assert site.provider.count("/.well-known/openid-configuration") == 1
    # The cooldown counts from the first fetch: as if it were long ago.
    oidc = site.api.services.oidc.provider
    assert oidc._kept is not None
    oidc._kept = dataclasses.replace(oidc._kept, keys_fetched=oidc._kept.keys_fetched - 3600)
    site.provider.key = make_key()
    site.provider.keys.insert(0, site.provider.key)
    assert (await site.login()).status == 200
    assert site.provider.count("/jwks") == 2
    site.provider.key = make_key()
    for _ in range(3):
        assert (await site.login()).status == 401
    assert site.provider.count("/jwks") == 2


async def test_the_secret_goes_in_the_way_that_the_provider_takes(world: World) -> None:
    world.provider.auth_methods = ["client_secret_post"]
    async with world.served() as site:
        assert (await site.login()).status == 200
    world.provider.auth_methods, world.provider.secret = None, None
    async with world.served(client_secret_file=None) as site:
        assert (await site.login()).status == 200


async def test_claims_that_the_token_lacks_are_asked_for(world: World) -> None:
    person = world.provider.person
    world.provider.person = {"sub": person["sub"]}
    world.provider.userinfo = person
    async with world.served() as site:
        assert (await site.me(await site.login()))["name"] == "ada"
        world.provider.userinfo = {**person, "sub": "somebody-else"}
        answer = await site.login()
        assert (answer.status, "another user" in answer.json["detail"]) == (401, True)


# Who it is, and what it may.


async def test_roles_follow_the_provider_at_each_login(site: Site) -> None:
    first = await site.login()
    site.provider.person["groups"] = ["db", "unknown"]
    second = await site.login()
    for answer in (first, second):
        me = await site.me(answer)
        assert me["scopes"]["metrics.read"] == ["db", "web"]
        assert "hosts.write" not in me["permissions"]
    site.provider.person["groups"] = []
    answer = await site.login()
    assert (answer.status, answer.code) == (403, "permission-denied")
    # What was taken away there is gone here, for sessions that were open too.
    assert "metrics.read" not in (await site.me(second))["permissions"]


async def test_a_person_keeps_its_user_whatever_it_is_called(site: Site) -> None:
    await site.login()
    site.provider.person["preferred_username"] = "ada.king"
    assert (await site.me(await site.login()))["name"] == "ada"
    site.provider.person = {"sub": "other", "preferred_username": "ada", "groups": ["ops"]}
    answer = await site.login()
    assert (answer.status, answer.code) == (409, "conflict")


async def test_a_local_user_of_the_same_name_is_never_taken_over(site: Site) -> None:
    user = {"name": "ada", "password": PASSWORD, "grants": [{"role": "admin"}]}
    assert (await site.api.call("POST", "/api/v1/users", user)).status == 200
    told = await site.refused(409)
    assert "248289761001" in told
    linked = await site.api.call("PUT", "/api/v1/users/ada/identity", {"subject": "248289761001"})
    assert linked.status == 204
    (entry,) = await site.audit("users.link")
    assert entry["after"] == {"issuer": site.provider.url, "subject": "248289761001"}
    answer = await site.login()
    assert (await site.me(answer))["name"] == "ada"
    grants = (await site.api.call("GET", "/api/v1/users/ada")).json["grants"]
    assert grants == [{"role": "operator", "groups": None}]
    # Parted again: out at once, and the name is still the local user's.
    assert (await site.api.call("DELETE", "/api/v1/users/ada/identity")).status == 204
    assert (await site.api.call("DELETE", "/api/v1/users/ada/identity")).status == 404
    assert await site.sessions() == []
    assert await site.refused(409)


async def test_two_users_are_never_one_person(site: Site) -> None:
    await site.login()
    await site.api.call("POST", "/api/v1/users", {"name": "bob"})
    answer = await site.api.call("PUT", "/api/v1/users/bob/identity", {"subject": "248289761001"})
    assert (answer.status, answer.code) == (409, "conflict")
    for subject in ("", "a\nb"):
        assert (await site.api.call("PUT", "/api/v1/users/bob/identity", {"subject": subject})).status == 400


async def test_who_is_disabled_or_removed(site: Site) -> None:
    await site.login()
    await site.api.call("PATCH", "/api/v1/users/ada", {"is_disabled": True})
    assert "disabled" in await site.refused(403)
    assert (await site.api.call("DELETE", "/api/v1/users/ada")).status == 204
    assert (await site.login()).status == 200


async def test_where_unknown_people_stay_out(world: World) -> None:
    async with world.served(make_users=False) as site:
        assert "248289761001" in await site.refused(403)
        await site.api.call("POST", "/api/v1/users", {"name": "lovelace"})
        await site.api.call("PUT", "/api/v1/users/lovelace/identity", {"subject": "248289761001"})
        assert (await site.me(await site.login()))["name"] == "lovelace"


async def test_where_roles_are_granted_here(world: World) -> None:
    async with world.served(roles={}) as site:
        await site.refused(403)
        await site.api.call("POST", "/api/v1/users", {"name": "ada", "grants": [{"role": "viewer"}]})
        await site.api.call("PUT", "/api/v1/users/ada/identity", {"subject": "248289761001"})
        assert "hosts.write" not in (await site.me(await site.login()))["permissions"]


@pytest.mark.parametrize(
    ("more", "is_let_in"),
    [
        ({"email": "ada@example.net", "email_verified": True}, True),
        ({"email": "ada@EXAMPLE.net", "email_verified": "true"}, True),
        ({"email": "ada@example.net"}, False),
        ({"email": "ada@example.net", "email_verified": False}, False),
        ({"email": "ada@example.net.evil.example", "email_verified": True}, False),
        ({"email": "ada@example.net@evil.example", "email_verified": True}, False),
        ({"email": ["ada@example.net"], "email_verified": True}, False),
        ({}, False),
    ],
)
async def test_only_verified_addresses_of_allowed_domains(world: World, more: Claims, is_let_in: bool) -> None:
    world.provider.person.update(more)
    async with world.served(allowed_domains=("example.net",)) as site:
        assert (await site.login()).status == (200 if is_let_in else 403)


async def test_required_claims_and_roles_deep_in_objects(world: World) -> None:
    world.provider.person |= {"realm_access": {"roles": ["boss"]}, "tenant": 7}
    more = {"required_claims": {"tenant": "7"}, "roles_claim": "realm_access.roles", "roles": {"boss": "admin"}}
    async with world.served(**more) as site:
        assert "users.write" in (await site.me(await site.login()))["permissions"]
        world.provider.person["tenant"] = 8
        assert (await site.login()).status == 403


@pytest.mark.parametrize("name", ["", "a b", "local", "ä", 7, None, "x" * 100])
async def test_names_that_nobody_can_have_here(site: Site, name: Any) -> None:
    site.provider.person["preferred_username"] = name
    await site.refused(403)


# Passwords off, and where nothing is configured.


async def test_passwords_can_be_switched_off_and_the_local_token_cannot(world: World) -> None:
    async with world.served(password_login=False) as site:
        await site.api.call("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
        answer = await site.api.call("POST", "/api/v1/auth/login", {"user": "bob", "password": PASSWORD}, token=None)
        assert (answer.status, "--oidc" in answer.json["hint"]) == (403, True)
        (entry,) = await site.audit("auth.login")
        assert (entry["outcome"], entry["target"]) == ("refused", "bob")
        methods = (await site.api.call("GET", "/api/v1/auth/methods", token=None)).json
        assert methods == {
            "password": False,
            "oidc": {"name": "Example", "issuer": site.provider.url, "login": f"{OIDC}/login"},
        }


async def test_without_a_provider_there_is_no_such_login(api: Api) -> None:
    for method, path in (("GET", f"{OIDC}/login"), ("POST", f"{OIDC}/device")):
        answer = await api.call(method, path, {} if method == "POST" else None, token=None)
        assert (answer.status, answer.code) == (404, "not-found")
    assert (await api.call("GET", f"{OIDC}/callback?state=x&code=y", token=None)).status == 401
    assert (await api.call("GET", "/api/v1/auth/methods", token=None)).json == {"password": True, "oidc": None}


# Terminals.


async def test_a_terminal_waits_and_gets_tokens_of_our_own(site: Site) -> None:
    begun = await site.device()
    assert begun["verification_uri"] == f"{site.provider.url}/activate"
    clock = site.api.services.clock
    waiting = site.api.services.oidc._waiting.find(begun["handle"])
    assert waiting is not None
    # Asked too early: our server says so itself, and the provider hears nothing of it.
    early = (await site.poll(begun["handle"])).json
    assert (early["state"], early["interval_seconds"]) == ("slow_down", begun["interval_seconds"] + 5)
    assert site.provider.count("/token") == 0

    waiting.next_at = clock.monotonic()
    assert (await site.poll(begun["handle"])).json["state"] == "pending"
    site.provider.slow_downs = 1
    waiting.next_at = clock.monotonic()
    slower = (await site.poll(begun["handle"])).json
    assert (slower["state"], slower["interval_seconds"]) == ("slow_down", begun["interval_seconds"] + 10)
    site.provider.decide(begun["user_code"])
    waiting.next_at = clock.monotonic()
    done = (await site.poll(begun["handle"])).json
    assert done["state"] == "done"
    me = (await site.api.call("GET", "/api/v1/auth/me", token=done["login"]["access_token"])).json
    assert (me["name"], me["session"]) == ("ada", done["login"]["session"])
    renewed = {"refresh_token": done["login"]["refresh_token"]}
    assert (await site.api.call("POST", "/api/v1/auth/refresh", renewed, token=None)).status == 200
    # The handle has done its work; what waited is not on record, what came of it is.
    assert (await site.poll(begun["handle"])).status == 401
    entries = await site.audit("auth.login")
    assert [(entry["outcome"], entry["actor"]) for entry in entries] == [("refused", "anonymous"), ("done", "ada")]
    assert entries[1]["after"]["method"] == "oidc"
    assert begun["handle"] not in json.dumps(entries)


@pytest.mark.parametrize("is_denied", [True, False])
async def test_a_terminal_that_is_denied_or_too_late(site: Site, is_denied: bool) -> None:
    begun = await site.device()
    waiting = site.api.services.oidc._waiting.find(begun["handle"])
    assert waiting is not None
    waiting.next_at = 0.0
    if is_denied:
        site.provider.decide(begun["user_code"], yes=False)
    else:
        site.provider.devices.clear()
    answer = await site.poll(begun["handle"])
    assert answer.status == 401
    assert ("access_denied" if is_denied else "expired_token") in answer.json["detail"]
    assert (await site.poll(begun["handle"])).status == 401


async def test_a_device_token_that_lies_lets_nobody_in(site: Site) -> None:
    begun = await site.device()
    waiting = site.api.services.oidc._waiting.find(begun["handle"])
    assert waiting is not None
    waiting.next_at = 0.0
    site.provider.decide(begun["user_code"])
    site.provider.claims = changed(aud="other")
    assert (await site.poll(begun["handle"])).status == 401
    assert await site.sessions() == []


async def test_a_terminal_at_a_provider_without_devices(site: Site) -> None:
    site.provider.document = document(device_authorization_endpoint=...)
    answer = await site.api.call("POST", f"{OIDC}/device", {}, token=None)
    assert (answer.status, answer.code) == (404, "not-found")


async def test_what_a_provider_shows_is_harmless_on_a_terminal(site: Site) -> None:
    async def lying(_request: web.Request) -> web.Response:
        told = {"device_code": "d", "user_code": "A\x1b[2J", "verification_uri": "https://x/\u202e", "expires_in": 1e18}
        return web.json_response({**told, "interval": -5})

    site.provider.instead["/device"] = lying
    begun = await site.device()
    assert not any(mark in json.dumps(begun, ensure_ascii=False) for mark in ("\x1b", "\u202e"))
    assert (begun["expires_seconds"], begun["interval_seconds"]) == (3600.0, 1.0)


# Floods.


async def test_one_address_begins_only_so_often_and_takes_only_so_much_room(site: Site) -> None:
    statuses = [(await site.api.call("GET", f"{OIDC}/login", token=None)).status for _ in range(70)]
    assert set(statuses) == {302, 429}
    assert statuses.index(429) >= 60
    answer = await site.api.call("POST", f"{OIDC}/device", {}, token=None)
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert len(site.api.services.oidc._begun) == 50
    assert site.api.services.identity.counters.get("oidc_dropped") >= 10
    assert site.provider.count("/.well-known/openid-configuration") == 1


async def test_many_at_one_time_ask_the_provider_once(site: Site) -> None:
    answers = await asyncio.gather(*(site.login() for _ in range(8)))
    assert [answer.status for answer in answers] == [200] * 8
    assert (site.provider.count("/jwks"), site.provider.count("/.well-known/openid-configuration")) == (1, 1)
    users = (await site.api.call("GET", "/api/v1/users")).json["users"]
    assert [user["name"] for user in users] == ["ada"]
