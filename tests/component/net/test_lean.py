"""The lean session against exact bytes: what it reads, what it refuses, and when it asks again."""

import asyncio
import contextlib
import threading
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import ConfigError, ConnectFailedError
from nagare.net.lean import LeanSession
from nagare.net.trust import Trust
from tests.component.net.local_server import bytes_server, make_certificate, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def _fetch(answer: bytes) -> tuple[int, bytes]:
    async with bytes_server(answer) as server, LeanSession(server.url) as session:
        fetched = await session.request("GET", "/")
        return fetched.status, fetched.body


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (OK, (200, b"ok")),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", (200, b"ok")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", (200, b"to the end")),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", (200, b"ok")),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, (200, b"ok")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nto the end", (200, b"to the end")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n",
            (200, b"abcde"),
        ),
    ],
)
async def test_answers_are_read(answer: bytes, expected: tuple[int, bytes]) -> None:
    assert await _fetch(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc",
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (5 * 2**20), id="a body without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", id="a long line"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", id="many headers"),
        b"HTTP/1.1 200 OK\r\nTrunc",
    ],
)
async def test_what_is_no_lawful_answer_is_told_and_bounded(answer: bytes) -> None:
    with pytest.raises(ConnectFailedError, match=r"cannot reach http://127\.0\.0\.1:\d+: the answer is not HTTP"):
        await _fetch(answer)


async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async with bytes_server(OK) as server, LeanSession(server.url) as session:
        await session.request("GET", "/first")
        await server.ended.wait()
        answer = await session.request("POST", "/second", body=b"again")
    assert answer.body == b"ok"
    assert len(server.connections) == 2
    assert server.connections[1].startswith(b"POST /second HTTP/1.1\r\n")


async def test_one_connection_serves_many_requests_and_close_is_obeyed() -> None:
    last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with bytes_server(OK, last, OK) as server, LeanSession(server.url) as session:
        for _ in range(3):
            await session.request("GET", "/")
    assert len(server.connections) == 2


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "é"])
async def test_a_token_with_unlawful_characters_is_never_sent(token: str) -> None:
    async with bytes_server(OK) as server, LeanSession(server.url, token=token) as session:
        with pytest.raises(ConfigError) as caught:
            await session.request("GET", "/")
    assert server.connections == []
    assert token not in caught.value.message


@given(st.binary(max_size=400))
async def test_any_bytes_end_as_an_answer_or_as_our_error(garbage: bytes) -> None:
    with contextlib.suppress(ConnectFailedError):
        await _fetch(b"HTTP/1.1 " + garbage)


@pytest.mark.parametrize("is_secure", [False, True])
async def test_a_request_that_nobody_waits_for_ends_with_its_thread(tmp_path: Path, *, is_secure: bool) -> None:
    asked, never = asyncio.Event(), asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        asked.set()
        await never.wait()
        return web.Response()

    certificate, tls = make_certificate(tmp_path)
    trust = Trust(pin=certificate.pin) if is_secure else None
    async with serving(web.get("/", hang), tls=tls if is_secure else None) as url:
        async with LeanSession(url, trust=trust) as session:
            async with asyncio.TaskGroup() as group:
                request = group.create_task(session.request("GET", "/"))
                await asked.wait()
                threads = [thread for thread in threading.enumerate() if thread.name == "http"]
                request.cancel()
            for thread in threads:
                await asyncio.to_thread(thread.join, 10)
        never.set()
    assert [thread.is_alive() for thread in threads] == [False]
