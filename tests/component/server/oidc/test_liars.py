"""OpenID providers that lie, are broken, or are away."""

import base64
import dataclasses
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from tests.component.server.oidc.site import OIDC, PASSWORD, Site, World, changed, document, query_of, sent_of
from tests.support.openid_provider import (
    CLIENT,
    SECRET,
    Claims,
    Key,
    make_key,
    redirect_loop,
    silence,
)

LIES: dict[str, tuple[Callable[[Claims], Claims], str]] = {
    "issuer": (changed(iss="https://evil.example"), "another issuer"),
    "audience": (changed(aud="other"), "another client"),
    "audiences": (changed(aud=["other", CLIENT]), "given to another client"),
    "party": (changed(azp="other"), "given to another client"),
    "no audience": (changed(aud=...), "another client"),
    "ended": (changed(exp=int(time.time()) - 120), "has ended"),
    "no end": (changed(exp=...), "does not say when"),
    "end as text": (changed(exp="never"), "does not say when"),
    "endless": (changed(exp=float("1e300")), "does not say when"),
    "future": (changed(iat=int(time.time()) + 10**8), "of the future"),
    "not yet": (changed(nbf=int(time.time()) + 10**8), "of the future"),
    "nonce": (changed(nonce="x"), "another request"),
    "no nonce": (changed(nonce=...), "another request"),
    "access token": (changed(at_hash="x"), "another access token"),
    "nobody": (changed(sub=""), "names nobody"),
    "number": (changed(sub=7), "names nobody"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_that_says_what_it_must_not(site: Site, lie: str) -> None:
    site.provider.claims, told = LIES[lie]
    assert told in await site.refused()


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _hand_made(header: Claims, claims: Claims, sign: Callable[[bytes], bytes]) -> str:
    parts = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"
    return f"{parts}.{_b64(sign(parts.encode()))}"


def _public_pem(key: Key) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return bytes(key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _forgeries(key: Key) -> dict[str, Callable[[Claims], str]]:
    stranger = make_key()
    kid = key.kid

    def hs256(claims: Claims) -> str:
        secret = _public_pem(key)
        return _hand_made(
            {"alg": "HS256", "kid": kid}, claims, lambda parts: hmac.digest(secret, parts, hashlib.sha256)
        )

    return {
        "none": lambda claims: _hand_made({"alg": "none", "kid": kid}, claims, lambda _: b""),
        "None": lambda claims: _hand_made({"alg": "None", "kid": kid}, claims, lambda _: b""),
        "no alg": lambda claims: _hand_made({"kid": kid}, claims, lambda _: b""),
        "hs256 with the public key": hs256,
        "a stranger's key under a known name": lambda claims: dataclasses.replace(stranger, kid=kid).sign(claims),
        "a stranger's key inside": lambda claims: stranger.sign(claims, jwk=stranger.jwk()),
        "another algorithm of the same key": lambda claims: Key("RS384", key.private, kid).sign(claims),
        "an algorithm that the key is not for": lambda claims: Key("PS256", key.private, kid).sign(claims),
        "crit": lambda claims: key.sign(claims, crit=["exp"]),
        "kid of another kind": lambda claims: key.sign(claims, kid="../../etc/passwd"),
        "cut": lambda claims: key.sign(claims)[:-8],
        "changed": lambda claims: _swapped(key.sign(claims)),
        "nothing": lambda _: "",
        "two parts": lambda _: "a.b",
        "no header": lambda _: "é.b.c",
        "claims that are a list": lambda _: _signed_list(key),
        "a giant": lambda claims: key.sign({**claims, "groups": ["x" * 100] * 1000}),
    }


def _swapped(token: str) -> str:
    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{head}.{_b64(json.dumps({**claims, 'groups': ['boss']}).encode())}.{signature}"


def _signed_list(key: Key) -> str:
    import jwt

    return jwt.PyJWS().encode(b"[]", key.private, key.alg, {"kid": key.kid})


async def test_no_token_is_taken_that_the_provider_did_not_sign(site: Site, key: Key) -> None:
    for name, forge in _forgeries(key).items():
        site.provider.forge = forge
        answer = await site.login()
        assert (answer.status, answer.code) == (401, "unauthenticated"), name
    assert await site.sessions() == []
    site.provider.forge = None
    assert (await site.login()).status == 200


async def test_a_state_or_a_code_works_once(site: Site) -> None:
    address, cookie = await site.begin()
    back = await site.consent(address)
    assert (await site.back(back, cookie)).status == 200
    for _ in range(2):
        assert "not begun" in (await site.back(back, cookie)).json["detail"]
    # A code that was used, with a login that has just begun.
    again, cookie = await site.begin()
    used = f"{site.provider.redirect_uris[0]}?code={query_of(back)['code']}&state={query_of(again)['state']}"
    answer = await site.back(used, cookie)
    assert (answer.status, "invalid_grant" in answer.json["detail"]) == (401, True)


async def test_a_login_that_another_browser_began_lets_nobody_in(site: Site) -> None:
    address, _ = await site.begin()
    back = await site.consent(address)
    _, others = await site.begin()
    for cookie in ("", others, "nagare_oidc=x"):
        assert (await site.back(back, cookie)).status == 401
    assert await site.sessions() == []


async def test_a_code_that_was_stolen_is_worth_nothing_in_another_login(site: Site) -> None:
    victim, _ = await site.begin()
    code = query_of(await site.consent(victim))["code"]
    own, cookie = await site.begin()
    answer = await site.back(f"{site.provider.redirect_uris[0]}?code={code}&state={query_of(own)['state']}", cookie)
    # The provider's check of the proof (PKCE) and ours of the nonce both stand in the way.
    assert (answer.status, "invalid_grant" in answer.json["detail"]) == (401, True)
    asked = [form for path, form in site.provider.asked if path == "/token"]
    assert all(len(form["code_verifier"]) >= 43 for form in asked)


async def test_answers_of_other_providers_and_refusals(site: Site) -> None:
    for change, told in (
        ("iss=https://evil.example&code=x", "another provider"),
        ("error=access_denied&error_description=no%1b[31mway", "access_denied"),
        ("code=", "no code"),
        ("code=" + "x" * 5000, "no code"),
    ):
        address, cookie = await site.begin()
        state = query_of(address)["state"]
        answer = await site.back(f"{site.provider.redirect_uris[0]}?state={state}&{change}", cookie)
        assert (answer.status, told in answer.json["detail"]) == (401, True), change
        assert "\x1b" not in str(answer.json)
    assert (await site.back(f"{site.provider.redirect_uris[0]}?code=x", "")).status == 400


async def test_a_login_takes_only_so_long(world: World) -> None:
    async with world.served() as site:
        address, cookie = await site.begin()
        back = await site.consent(address)
        for entry in site.api.services.oidc._begun._entries.values():
            entry.ends = site.api.services.clock.monotonic() - 1
        assert (await site.back(back, cookie)).status == 401


# Providers that are broken, or away.


BROKEN: dict[str, tuple[Callable[[Claims], Claims], str]] = {
    "another issuer": (document(issuer="https://evil.example"), "calls itself"),
    "no issuer": (document(issuer=...), "does not read"),
    "no PKCE": (document(code_challenge_methods_supported=["plain"]), "PKCE"),
    "plain keys": (document(jwks_uri="http://keys.example.test/jwks"), "only https"),
    "keys of a file": (document(jwks_uri="file:///etc/passwd"), "cannot reach"),
    "password inside": (document(token_endpoint="https://a:b@idp.example.test/"), "more than one may"),
    "no address": (document(token_endpoint="x"), "no address"),
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_provider_that_cannot_be_used(site: Site, fault: str) -> None:
    site.provider.document, told = BROKEN[fault]
    answer = await site.api.call("GET", f"{OIDC}/login", token=None)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert told in answer.json["detail"]
    assert answer.json["hint"]
    assert int(answer.headers["Retry-After"]) >= 1


async def _giant(_request: web.Request) -> web.Response:
    return web.Response(body=b'{"keys":[' + b'{"kty":"RSA"},' * 100_000 + b"{}]}", content_type="application/json")


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(100):
        await response.write(b"x" * 65536)
    return response


async def _page(_request: web.Request) -> web.Response:
    return web.Response(text="<html>log in first</html>", content_type="text/html")


async def _broken(_request: web.Request) -> web.Response:
    return web.Response(status=500)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
@pytest.mark.parametrize(
    "behave", [_giant, _endless, _page, _broken, redirect_loop], ids=["giant", "endless", "page", "500", "loop"]
)
async def test_answers_that_are_none(site: Site, path: str, behave: Any) -> None:
    site.provider.instead[path] = behave
    begun = await site.api.call("GET", f"{OIDC}/login", token=None)
    if begun.status == 302:
        begun = await site.back(await site.consent(begun.headers["Location"]), sent_of(begun))
    assert (begun.status, begun.code) == (503, "unavailable"), begun.raw
    assert site.provider.count(path) == 1
    del site.provider.instead[path]
    assert (await site.login()).status == 200


async def test_a_provider_that_never_answers_holds_nobody_for_long(world: World) -> None:
    world.provider.instead["/token"] = silence
    async with world.served(timeout_seconds=0.1) as site:
        answer = await site.login()
        assert (answer.status, "within 0.1 s" in answer.json["detail"]) == (503, True)


async def test_with_the_provider_down_passwords_and_the_local_token_still_work(world: World) -> None:
    async with world.served(issuer="http://127.0.0.1:1") as site:
        await site.api.call("POST", "/api/v1/users", {"name": "bob", "password": PASSWORD})
        for method, path in (("GET", f"{OIDC}/login"), ("POST", f"{OIDC}/device")):
            answer = await site.api.call(method, path, {} if method == "POST" else None, token=None)
            assert (answer.status, answer.code) == (503, "unavailable")
            assert "password" in answer.json["hint"]
        login = {"user": "bob", "password": PASSWORD}
        assert (await site.api.call("POST", "/api/v1/auth/login", login, token=None)).status == 200


async def test_a_client_that_the_provider_does_not_know(world: World) -> None:
    world.secret_file.write_text("another")
    async with world.served() as site:
        assert "invalid_client" in await site.refused(503)
        world.secret_file.write_text(SECRET)
        assert (await site.login()).status == 200
        world.secret_file.unlink()
        answer = await site.login()
        assert (answer.status, answer.code) == (500, "config-invalid")
        assert SECRET not in str(answer.json)
