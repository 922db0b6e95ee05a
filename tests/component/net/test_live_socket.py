"""WebSockets at a real server."""

import pytest
from aiohttp import WSCloseCode, web

from nagare.errors import ConnectFailedError
from nagare.net.answer import Answer
from nagare.net.session import HttpSession, LiveSocket
from tests.component.net.local_server import serving


async def _open(session: HttpSession) -> LiveSocket:
    socket = await session.connect_live("/ws", heartbeat_seconds=10)
    assert isinstance(socket, LiveSocket)
    return socket


async def test_frames_go_both_ways_and_carry_the_token() -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(request.headers["Authorization"])
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    async with serving(web.get("/ws", echo)) as url, HttpSession(url, token="t") as session:
        socket = await _open(session)
        assert await socket.receive() == "Bearer t"
        await socket.send(b"hello")
        assert await socket.receive() == "HELLO"
        await socket.close()


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        (WSCloseCode.GOING_AWAY, b"", "the server is stopping"),
        (WSCloseCode.POLICY_VIOLATION, b"too\x1b slow", "too␛ slow"),
        (WSCloseCode.OK, b"", "the connection was closed"),
    ],
)
async def test_the_end_of_a_connection_says_why(code: WSCloseCode, message: bytes, reason: str) -> None:
    async def end(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close(code=code, message=message)
        return socket

    async with serving(web.get("/ws", end)) as url, HttpSession(url) as session:
        socket = await _open(session)
        with pytest.raises(ConnectFailedError, match=f"{reason}$"):
            await socket.receive()


async def test_a_refused_upgrade_returns_the_answer() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "7"})

    async with serving(web.get("/ws", refuse)) as url, HttpSession(url) as session:
        answer = await session.connect_live("/ws", heartbeat_seconds=10)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["retry-after"]) == (503, "7")


async def test_a_server_that_falls_silent_is_noticed() -> None:
    async def silent(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        async for _ in socket:
            pass  # pings are read and not answered
        return socket

    async with serving(web.get("/ws", silent)) as url, HttpSession(url) as session:
        socket = await session.connect_live("/ws", heartbeat_seconds=0.1)
        assert isinstance(socket, LiveSocket)
        with pytest.raises(ConnectFailedError, match="it stopped answering"):
            await socket.receive()
