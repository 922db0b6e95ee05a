"""What a fault of our own looks like from outside: nothing but an id, and a log line under that id."""

import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler

from nagare.server.app import make_app
from nagare.server.route import Call, Route
from tests.component.server.conftest import Api


async def _break(_call: Call) -> None:
    raise ZeroDivisionError("the secret is 42")


@web.middleware
async def _break_all(request: web.Request, handler: Handler) -> web.StreamResponse:
    raise ZeroDivisionError


async def _hang_on(_call: Call) -> None:
    raise TimeoutError


async def test_a_bug_does_not_tell_a_secret_path(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Also where no route takes it."""
    app = make_app(api.services, [Route("GET", "/open/{token}", _break, "breaks", None, has_secret_path=True)])
    app.middlewares.insert(1, _break_all)
    async with TestClient(TestServer(app)) as client:
        for method, path in (("GET", "/open/hush"), ("PUT", "/open/hush"), ("GET", "/open/hush/")):
            assert (await client.request(method, path)).status == 500
    assert caplog.text.count("path=/open/{token}") == 3
    assert "hush" not in caplog.text


async def test_a_bug_tells_nothing_but_its_id(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    routes = [
        Route("GET", "/break", _break, "breaks", None),
        Route("POST", "/hang", _hang_on, "hangs", None, finishes=True),
    ]
    with caplog.at_level(logging.ERROR):
        async with TestClient(TestServer(make_app(api.services, routes))) as client:
            for method, path in (("GET", "/break"), ("POST", "/hang")):
                answer = await client.request(method, path)
                text = await answer.text()
                assert answer.status == 500
                assert answer.content_type == "application/problem+json"
                assert "secret" not in text
                assert "Error" not in text
                request_id = answer.headers["X-Request-Id"]
                assert request_id in text
                assert request_id in caplog.text
                assert answer.headers["Server"] == "nagare"
