"""Logging in over HTTP, with tokens and with cookies; what browsers of other pages cannot do."""

from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.component.server.conftest import Answer, Api, Serve

PASSWORD = "correct horse battery"
LOGIN = "/api/v1/auth/login"
EVIL = "https://evil.example"


async def _add(api: Api, name: str = "ada", role: str = "viewer") -> None:
    user = {"name": name, "password": PASSWORD, "grants": [{"role": role}]}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200


async def _login(api: Api, password: str = PASSWORD, **more: Any) -> Answer:
    return await api.call("POST", LOGIN, {"user": "ada", "password": password, **more}, token=None)


def _cookies(answer: Answer) -> SimpleCookie:
    cookie = SimpleCookie()
    for line in answer.headers.getall("Set-Cookie"):  # type: ignore[attr-defined]
        cookie.load(line)
    return cookie


def _sent(cookies: SimpleCookie) -> str:
    return "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())


async def test_a_session_from_login_to_logout(api: Api) -> None:
    await _add(api)
    opened = (await _login(api)).json
    me = (await api.call("GET", "/api/v1/auth/me", token=opened["access_token"])).json
    assert (me["name"], me["kind"], me["session"]) == ("ada", "user", opened["session"])
    newer = (
        await api.call("POST", "/api/v1/auth/refresh", {"refresh_token": opened["refresh_token"]}, token=None)
    ).json
    assert newer["session"] == opened["session"]
    assert newer["refresh_token"] != opened["refresh_token"]
    (session,) = (await api.call("GET", "/api/v1/sessions", token=newer["access_token"])).json["sessions"]
    assert (session["id"], session["is_own"], session["address"]) == (opened["session"], True, "127.0.0.1")
    answer = await api.call("POST", "/api/v1/auth/logout", {"refresh_token": newer["refresh_token"]}, token=None)
    assert answer.status == 204
    for token in (opened["access_token"], newer["access_token"]):
        assert (await api.call("GET", "/api/v1/auth/me", token=token)).status == 401
    answer = await api.call("POST", "/api/v1/auth/refresh", {"refresh_token": newer["refresh_token"]}, token=None)
    assert (answer.status, answer.code) == (401, "unauthenticated")


async def test_guessing_is_refused_with_a_time_to_come_back_and_recorded_in_bounds(api: Api) -> None:
    await _add(api)
    for _ in range(5):
        assert (await _login(api, "wrong")).status == 401
    # All within the first second, which is how long the wait is by now.
    for _ in range(5):
        answer = await _login(api)
        assert (answer.status, answer.code) == (429, "rate-limited")
        assert int(answer.headers["Retry-After"]) >= 1
    entries = (await api.call("GET", "/api/v1/audit?action=auth.login")).json["entries"]
    assert len(entries) == 5
    assert {(entry["outcome"], entry["target"], entry["actor"]) for entry in entries} == {
        ("refused", "ada", "anonymous")
    }
    assert PASSWORD not in str(entries)


async def test_a_login_is_on_record_as_its_user_and_a_refresh_is_not(api: Api) -> None:
    await _add(api)
    opened = (await _login(api)).json
    await api.call("POST", "/api/v1/auth/refresh", {"refresh_token": opened["refresh_token"]}, token=None)
    await api.call("POST", "/api/v1/auth/refresh", {"refresh_token": "ngf_x"}, token=None)
    entries = (await api.call("GET", "/api/v1/audit")).json["entries"]
    told = [(entry["action"], entry["outcome"], entry["actor"]) for entry in entries]
    assert told == [
        ("auth.refresh", "refused", "anonymous"),
        ("auth.login", "done", "ada"),
        ("users.add", "done", "local"),
    ]
    assert not any(secret in str(entries) for secret in (PASSWORD, opened["access_token"], opened["refresh_token"]))


async def test_cookies_are_out_of_reach_of_pages(api: Api) -> None:
    await _add(api)
    answer = await _login(api, cookie=True)
    assert (answer.json["access_token"], answer.json["refresh_token"]) == ("", "")
    cookies = _cookies(answer)
    assert set(cookies) == {"nagare_access", "nagare_refresh"}
    for morsel in cookies.values():
        assert (morsel["httponly"], morsel["samesite"], morsel["secure"]) == (True, "Strict", "")
    assert (cookies["nagare_access"]["path"], cookies["nagare_refresh"]["path"]) == ("/", "/api/v1/auth")
    headers = {"Cookie": _sent(cookies)}
    assert (await api.call("GET", "/api/v1/auth/me", token=None, headers=headers)).json["name"] == "ada"
    own = {**headers, "Origin": api.running.url}
    renewed = await api.call("POST", "/api/v1/auth/refresh", {}, token=None, headers=own)
    assert renewed.status == 200
    assert _cookies(renewed)["nagare_refresh"].value != cookies["nagare_refresh"].value
    gone = await api.call(
        "POST", "/api/v1/auth/logout", {}, token=None, headers={**own, "Cookie": _sent(_cookies(renewed))}
    )
    assert gone.status == 204
    assert {morsel["max-age"] for morsel in _cookies(gone).values()} == {"0"}
    assert (await api.call("GET", "/api/v1/auth/me", token=None, headers=headers)).status == 401


async def test_cookies_travel_by_tls_only_where_there_is_tls(serve: Serve) -> None:
    async with serve(listen="0.0.0.0:0", announce=False) as api:
        port = URL(api.running.url).port
        user = {"name": "ada", "password": PASSWORD}
        url = f"https://127.0.0.1:{port}"
        # Whose certificate it is stands in another test; here only the cookies matter.
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as api.session:
            assert (await api.call("POST", f"{url}/api/v1/users", user)).status == 200
            login = {"user": "ada", "password": PASSWORD, "cookie": True}
            cookies = _cookies(await api.call("POST", url + LOGIN, login, token=None))
    assert set(cookies) == {"__Secure-nagare_access", "__Secure-nagare_refresh"}
    assert all(morsel["secure"] for morsel in cookies.values())


@pytest.mark.parametrize("origin", [None, EVIL, "null", "http://127.0.0.1:1"])
async def test_a_cookie_changes_nothing_for_other_pages(api: Api, origin: str | None) -> None:
    await _add(api, role="admin")
    sent: Mapping[str, str] = {"Cookie": _sent(_cookies(await _login(api, cookie=True)))}
    headers = dict(sent) if origin is None else {**sent, "Origin": origin}
    for method, path in (
        ("POST", "/api/v1/events"),
        ("DELETE", "/api/v1/users/ada"),
        ("POST", "/api/v1/auth/refresh"),
        ("POST", "/api/v1/auth/logout"),
        ("POST", "/api/v1/sql"),
    ):
        answer = await api.call(method, path, {}, token=None, headers=headers)
        assert (answer.status, answer.code) == (403, "permission-denied"), path
    own = {**sent, "Origin": api.running.url}
    event = {"text": "by a page of ours"}
    assert (await api.call("POST", "/api/v1/events", event, token=None, headers=own)).status == 200


@pytest.mark.parametrize("origin", [None, EVIL])
async def test_a_cookie_opens_no_socket_for_other_pages(api: Api, origin: str | None) -> None:
    await _add(api)
    headers = {"Cookie": _sent(_cookies(await _login(api, cookie=True)))}
    url = api.running.url + "/ws/dashboard"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with api.session.ws_connect(url, headers=headers if origin is None else {**headers, "Origin": origin}):
            pass
    assert refused.value.status == 403
    async with api.session.ws_connect(url, headers={**headers, "Origin": api.running.url}) as socket:
        assert (await socket.receive_json())["op"] == "hello"


async def test_an_origin_that_is_allowed_asks_with_tokens_and_never_with_cookies(serve: Serve) -> None:
    page = "https://dash.example"
    async with serve(allowed_origins=(page,)) as api:
        await _add(api)
        asked = {"Origin": page, "Access-Control-Request-Method": "POST"}
        answer = await api.call("OPTIONS", "/api/v1/sql", token=None, headers=asked)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, page)
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        for token, status in (("", 200), (None, 401)):
            answer = await api.call("GET", "/api/v1/hosts", token=token, headers={"Origin": page})
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, page)
            assert "Access-Control-Allow-Credentials" not in answer.headers
        cookie = {"Cookie": _sent(_cookies(await _login(api, cookie=True))), "Origin": page}
        assert (await api.call("POST", "/api/v1/events", {"text": "x"}, token=None, headers=cookie)).status == 403
        answer = await api.call("OPTIONS", "/api/v1/sql", token=None, headers={**asked, "Origin": EVIL})
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
        answer = await api.call("GET", "/api/v1/hosts", headers={"Origin": api.running.url})
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_no_answer_is_a_page_that_runs_anything(api: Api) -> None:
    for path, token in (("/", None), ("/api/v1/hosts", ""), ("/nope", None)):
        answer = await api.call("GET", path, token=token)
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_keys_verify_until_their_last_token_has_ended(api: Api) -> None:
    await _add(api)
    old = (await _login(api)).json["access_token"]
    (first,) = (await api.call("GET", "/.well-known/jwks.json", token=None)).json["keys"]
    kid = (await api.call("POST", "/api/v1/auth/rotate-keys")).json["kid"]
    keys = (await api.call("GET", "/.well-known/jwks.json", token=None)).json["keys"]
    assert [key["kid"] for key in keys] == [kid, first["kid"]]
    assert "d" not in keys[0]
    new = (await _login(api)).json["access_token"]
    for token in (old, new):
        assert (await api.call("GET", "/api/v1/auth/me", token=token)).status == 200


async def test_others_sessions_and_keys_are_for_who_may(api: Api) -> None:
    await _add(api)
    await _add(api, "bob", "admin")
    ada = (await _login(api)).json
    bob = (await api.call("POST", LOGIN, {"user": "bob", "password": PASSWORD}, token=None)).json
    key = {"name": "k", "permissions": ["metrics.read"], "expires_seconds": 60}
    made = (await api.call("POST", "/api/v1/keys", key, token=bob["access_token"])).json
    assert made["secret"].startswith("ngk_")
    for path in (f"/api/v1/sessions/{bob['session']}", f"/api/v1/keys/{made['id']}"):
        assert (await api.call("DELETE", path, token=ada["access_token"])).status == 404
    for path in ("/api/v1/sessions?user=*", "/api/v1/keys?user=bob"):
        assert (await api.call("GET", path, token=ada["access_token"])).status == 403
        assert (await api.call("GET", path, token=bob["access_token"])).status == 200
    (listed,) = (await api.call("GET", "/api/v1/keys", token=bob["access_token"])).json["keys"]
    assert listed["secret"] is None
    assert (await api.call("GET", "/api/v1/hosts", token=made["secret"])).status == 403
    assert (await api.call("GET", "/api/v1/tables", token=made["secret"])).status == 200
    for path in (f"/api/v1/sessions/{ada['session']}", f"/api/v1/keys/{made['id']}"):
        assert (await api.call("DELETE", path, token=bob["access_token"])).status == 204
    assert (await api.call("GET", "/api/v1/auth/me", token=ada["access_token"])).status == 401
    assert (await api.call("GET", "/api/v1/tables", token=made["secret"])).status == 401


async def test_nobody_locks_itself_out(api: Api) -> None:
    await _add(api, role="admin")
    token = (await _login(api)).json["access_token"]
    assert (await api.call("DELETE", "/api/v1/users/ada", token=token)).status == 400
    assert (await api.call("PATCH", "/api/v1/users/ada", {"is_disabled": True}, token=token)).status == 400
    assert (await api.call("DELETE", "/api/v1/users/ada")).status == 204
