"""The agent's WebSocket at a real server, and at one that does not keep to the standard."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import WSCloseCode, WSMsgType, web

from nagare.errors import ConfigError, ConnectFailedError
from nagare.net.answer import Answer
from nagare.net.lean_socket import LeanSocket
from nagare.net.trust import Trust
from tests.component.net.local_server import make_certificate, serving

LIMIT = 2**20


async def _open(url: str, trust: Trust | None = None, token: str = "t", heartbeat: float = 20.0) -> LeanSocket:
    socket = await LeanSocket.connect(
        url, "/ws", token=token, trust=trust or Trust(), limit_bytes=LIMIT, heartbeat_seconds=heartbeat
    )
    assert isinstance(socket, LeanSocket)
    return socket


async def _echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(max_msg_size=2**24)
    await socket.prepare(request)
    await socket.send_str(request.headers.get("Authorization", ""))
    async for message in socket:
        assert message.type is WSMsgType.TEXT
        await socket.send_str(message.data)
    return socket


async def test_frames_of_every_length_go_both_ways() -> None:
    async with serving(web.get("/ws", _echo)) as url:
        socket = await _open(url)
        assert await socket.receive() == b"Bearer t"
        for length in (0, 1, 125, 126, 127, 65_535, 65_536, LIMIT):
            await socket.send(b"x" * length)
            assert await socket.receive() == b"x" * length
        await socket.send("ünï→".encode())
        assert await socket.receive() == "ünï→".encode()
        await socket.close()


async def test_a_frame_beyond_the_limit_ends_the_connection() -> None:
    async with serving(web.get("/ws", _echo)) as url:
        socket = await _open(url)
        await socket.receive()
        await socket.send(b"x" * (LIMIT + 1))
        with pytest.raises(ConnectFailedError, match="longer than"):
            await socket.receive()
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

    async with serving(web.get("/ws", end)) as url:
        socket = await _open(url)
        with pytest.raises(ConnectFailedError, match=f"{reason}$"):
            await socket.receive()
        await socket.close()


async def test_a_refused_upgrade_returns_the_answer() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "7"})

    async with serving(web.get("/ws", refuse)) as url:
        answer = await LeanSocket.connect(url, "/ws", token="", trust=Trust(), limit_bytes=LIMIT)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["retry-after"]) == (503, "7")


async def test_a_server_that_pings_is_answered() -> None:
    ponged = asyncio.Event()

    async def ping(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await socket.ping(b"p")
        message = await socket.receive()
        if (message.type, message.data) == (WSMsgType.PONG, b"p"):
            ponged.set()
        await socket.send_str("done")
        return socket

    async with serving(web.get("/ws", ping)) as url:
        socket = await _open(url)
        assert await socket.receive() == b"done"
        await socket.close()
    assert ponged.is_set()


async def test_tls_by_authority_and_by_pin(tmp_path: Path) -> None:
    certificate, context = make_certificate(tmp_path)
    async with serving(web.get("/ws", _echo), tls=context) as url:
        for trust in (
            Trust(certificate.ca_file),
            Trust(pin=certificate.pin),
            Trust(pin="0" * 64, next_pins=(certificate.pin,)),
        ):
            socket = await _open(url, trust)
            assert await socket.receive() == b"Bearer t"
            await socket.close()
        with pytest.raises(ConnectFailedError, match="does not match the pin"):
            await _open(url, Trust(pin="0" * 64))
        with pytest.raises(ConnectFailedError, match="not trusted"):
            await _open(url)


@asynccontextmanager
async def _speaking(after: bytes, *, head: bytes | None = None) -> AsyncIterator[str]:
    """Serve a handshake by hand and then ``after``; ``head`` stands in for the whole handshake."""

    ended: list[asyncio.Event] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(asyncio.Event())
        mine = ended[-1]
        try:
            await _speak(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            mine.set()

    async def _speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = next(line for line in request.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))[19:]
        proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        good = (
            b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + proof
            + b"\r\n\r\n"
        )
        writer.write((good if head is None else head) + after)
        await writer.drain()
        await reader.read()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for event in ended:
            await event.wait()


async def test_a_message_in_pieces_is_put_together() -> None:
    async with _speaking(b"\x01\x02he\x89\x00\x00\x03llo\x80\x01!") as url:
        socket = await _open(url)
        assert await socket.receive() == b"hello!"
        await socket.close()


@pytest.mark.parametrize(
    ("after", "cause"),
    [
        (b"\x81\x82\0\0\0\0hi", "masked"),
        (b"\xc1\x02hi", "unknown bits"),
        (b"\x83\x02hi", "unknown bits"),
        (b"\x82\x02hi", "not spoken here"),
        (b"\x80\x02hi", "not spoken here"),
        (b"\x01\x02hi\x81\x02hi", "not spoken here"),
        (b"\x89\x7e\x00\xff" + b"x" * 255, "too long"),
        (b"\x09\x00", "too long"),
        (b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "longer than"),
    ],
)
async def test_what_is_not_sound_ends_the_connection(after: bytes, cause: str) -> None:
    async with _speaking(after) as url:
        socket = await _open(url)
        with pytest.raises(ConnectFailedError, match=cause):
            await socket.receive()
        await socket.close()


@pytest.mark.parametrize(
    "head",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 101 X\r\n\r\n",
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: eA==\r\n\r\n",
        b"HTTP/1.1 x\r\n\r\n",
        b"x" * 70_000,
    ],
)
async def test_another_protocol_is_no_websocket(head: bytes) -> None:
    async with _speaking(b"", head=head) as url:
        with pytest.raises(ConnectFailedError):
            await _open(url)


async def test_a_silent_server_is_asked_and_then_given_up() -> None:
    async with _speaking(b"") as url:
        socket = await _open(url, heartbeat=0.05)
        with pytest.raises(ConnectFailedError, match="it stopped answering"):
            await socket.receive()
        await socket.close()


async def test_a_token_cannot_smuggle_a_header() -> None:
    async with _speaking(b"") as url:
        with pytest.raises(ConfigError, match="unlawful characters"):
            await _open(url, token="a\r\nX-Other: 1")


async def test_nobody_listens() -> None:
    with pytest.raises(ConnectFailedError, match="refused"):
        await _open("http://127.0.0.1:1")
