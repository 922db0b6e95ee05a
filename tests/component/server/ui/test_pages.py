"""The pages of /ui: logging in and out by forms, and what a browser is told to keep, load and let in."""

import re

import aiohttp
import pytest

from nagare.config.settings import OidcSettings
from nagare.config.ui import UiSettings
from nagare.server.ui.static_files import MEDIA
from tests.component.server.conftest import Api, Serve
from tests.component.server.ui.browser import PASSWORD, Browser, add_user, browser_of


async def test_a_stranger_sees_health_downloads_and_a_form(api: Api) -> None:
    answer = await api.call("GET", "/ui", token=None)
    page = answer.raw.decode()
    assert answer.status == 200
    assert '<form method="post" action="/ui/login">' in page
    assert 'Health: <span class="state">ok</span>' in page
    assert 'href="/install.sh"' in page
    assert "Hosts:" not in page


async def test_a_page_loads_nothing_of_others_and_nobody_frames_or_keeps_it(api: Api) -> None:
    async with browser_of(api, "ada", "viewer") as browser:
        await browser.login()
        for path in ("/ui", "/ui/room"):
            status, page, headers = await browser.get(path)
            assert status == 200
            assert "//" not in page
            assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|style=", page)
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'; script-src 'self'; " in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Cache-Control"] == "no-store"
            assert headers["Referrer-Policy"] == "same-origin"
        marks = set()
        for _ in range(2):
            _, page, headers = await browser.get("/ui/room")
            [mark] = re.findall(r'data-nonce="([\w-]{16,})"', page)
            assert f"'nonce-{mark}'" in headers["Content-Security-Policy"]
            marks.add(mark)
    assert len(marks) == 2


async def test_the_form_logs_in_with_cookies_that_no_page_reads_and_logs_out_at_the_server(api: Api) -> None:
    async with browser_of(api, "ada", "viewer") as browser:
        answer = await browser.post("/ui/login", user="ada", password=PASSWORD)
        assert (answer.status, answer.headers["Location"]) == (303, "/ui")
        sent = answer.headers.getall("Set-Cookie")
        assert len(sent) == 2
        assert all("HttpOnly" in cookie and "SameSite=Strict" in cookie for cookie in sent)
        _, page, _ = await browser.get("/ui")
        assert "Welcome, ada" in page
        assert "Hosts: none yet" in page
        kept = {cookie.key: cookie.value for cookie in browser.jar}
        assert (await browser.post("/ui/logout")).status == 303
        assert not list(browser.jar)
        _, page, _ = await browser.get("/ui")
        assert "Log in" in page
        # Gone at the server too, not only forgotten by the browser.
        refresh = {"refresh_token": kept["nagare_refresh"]}
        assert (await api.call("POST", "/api/v1/auth/refresh", refresh, token=None)).status == 401


async def test_a_wrong_password_is_told_on_the_page_and_counted(api: Api) -> None:
    async with browser_of(api, "ada", "viewer") as browser:
        answer = await browser.post("/ui/login", user="ada", password="wrong" * 3)
        assert answer.status == 401
        assert "wrong user or password" in (await answer.text())
        assert "Set-Cookie" not in answer.headers
    [entry] = (await api.call("GET", "/api/v1/audit?action=auth.login")).json["entries"]
    assert (entry["outcome"], entry["target"]) == ("refused", "ada")


async def test_a_form_of_another_site_does_nothing_and_behind_a_proxy_the_public_address_is_ours(serve: Serve) -> None:
    public, allowed = "https://ops.example.net", "https://grafana.example"
    async with (
        serve(public_url=public, allowed_origins=(allowed,)) as api,
        browser_of(api, "ada", "viewer") as browser,
    ):
        assert (await browser.post("/ui/login", public, user="ada", password=PASSWORD)).status == 303
        # Who may ask the API with a token of its own is no page of ours.
        for origin in (None, "null", "https://evil.example", "http://127.0.0.1:1", allowed):
            for path in ("/ui/login", "/ui/logout"):
                answer = await browser.post(path, origin, user="ada", password=PASSWORD)
                assert answer.status == 403
                assert "Set-Cookie" not in answer.headers
        assert "Welcome, ada" in (await browser.get("/ui"))[1]


async def test_a_form_that_is_none_is_refused_and_what_it_says_is_text(api: Api) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": api.running.url}
    script = b"user=%3Cscript%3Ealert(1)%3C/script%3E&password=x"
    for body in (b"", b"user", b"\xff=\xff", b"a=1&" * 50, b"user=" + b"x" * 20000, script):
        answer = await api.call("POST", "/ui/login", body=body, headers=headers, token=None)
        assert answer.status in (400, 401)
        assert b"<script>" not in answer.raw


async def test_who_has_no_role_for_it_is_told_and_has_no_terminal(api: Api) -> None:
    await api.call("PUT", "/api/v1/roles/auditor", {"permissions": ["audit.read"]})
    async with browser_of(api, "eve", "auditor") as browser:
        await browser.login()
        for path in ("/ui", "/ui/room"):
            _, page, _ = await browser.get(path)
            assert "ui.open" in page
            assert "xterm" not in page


async def test_switched_off_there_is_nothing(serve: Serve) -> None:
    async with serve(sections={"ui": UiSettings(enabled=False)}) as api, browser_of(api, "ada", "viewer") as browser:
        assert (await browser.get("/ui"))[0] == 404
        assert (await browser.get("/ui/room"))[0] == 404
        assert (await browser.post("/ui/login", user="ada", password=PASSWORD)).status == 404
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with browser.page():
                pass
        assert refused.value.status in (401, 404)


async def test_without_passwords_the_form_is_not_there(serve: Serve) -> None:
    async with serve(sections={"oidc": OidcSettings(password_login=False)}) as api:
        await add_user(api, "ada", "viewer")
        browser = Browser(api, "ada")
        try:
            assert "password" not in (await browser.get("/ui"))[1]
            assert (await browser.post("/ui/login", user="ada", password=PASSWORD)).status == 403
        finally:
            await browser.session.close()


async def test_the_files_of_the_pages_have_their_types_and_nothing_else_is_one(api: Api) -> None:
    for name, media in MEDIA.items():
        answer = await api.call("GET", f"/ui/static/{name}", token=None)
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith(media)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("html.py", "..%2fhtml.py", "%2e%2e%2f%2e%2e%2fapp.py", "xterm.js.map"):
        assert (await api.call("GET", f"/ui/static/{name}", token=None)).status in (401, 404)
