"""What both sessions promise, asserted at real servers: the library's and the lean one."""

import asyncio
import hashlib
import socket
import ssl
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from nagare.errors import ConfigError, ConnectFailedError
from nagare.net.lean import LeanSession
from nagare.net.session import HttpSession
from nagare.net.trust import Trust
from tests.component.net.local_server import bytes_server, make_certificate, serving

Kind = type[HttpSession] | type[LeanSession]
both = pytest.mark.parametrize("kind", [HttpSession, LeanSession])
SECRET = "s3cret-token"


async def _echo(request: web.Request) -> web.Response:
    body = await request.read()
    headers = {"X-Auth": request.headers.get("Authorization", ""), "X-Query": request.query_string}
    return web.Response(body=request.method.encode() + b" " + body, status=201, headers=headers)


@both
async def test_an_answer_comes_whole_whatever_its_status(kind: Kind) -> None:
    async with serving(web.post("/echo", _echo)) as url, kind(url, token=SECRET) as session:
        answer = await session.request("POST", "/echo", body=b"hello", params={"a": "1 2"})
    assert (answer.status, answer.body) == (201, b"POST hello")
    assert answer.headers["x-auth"] == f"Bearer {SECRET}"
    assert answer.headers["x-query"] == "a=1 2"


@both
async def test_an_encoded_name_in_a_path_is_not_encoded_again(kind: Kind) -> None:
    async def name(request: web.Request) -> web.Response:
        return web.Response(text=request.match_info["name"])

    async with serving(web.get("/hosts/{name}", name)) as url, kind(url) as session:
        answer = await session.request("GET", "/hosts/a%2Fb%25c%2Ed")
    assert answer.body == b"a/b%c.d"


@both
async def test_a_redirect_is_not_followed(kind: Kind) -> None:
    visited = []

    async def elsewhere(request: web.Request) -> web.Response:
        visited.append(request.headers.get("Authorization"))
        return web.Response()

    async with serving(web.get("/", elsewhere)) as other:

        async def away(_: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": other})

        async with serving(web.get("/", away)) as url, kind(url, token=SECRET) as session:
            answer = await session.request("GET", "/")
    assert answer.status == 307
    assert visited == []


@both
async def test_proxies_of_the_environment_are_ignored(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bytes_server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with serving(web.post("/echo", _echo)) as url, kind(url) as session:
            assert (await session.request("POST", "/echo")).status == 201
    assert proxy.connections == []


@both
async def test_cookies_are_not_kept(kind: Kind) -> None:
    async def cookie(request: web.Request) -> web.Response:
        answer = web.Response(text=request.headers.get("Cookie", ""))
        answer.set_cookie("track", "me")
        return answer

    async with serving(web.get("/", cookie)) as url, kind(url) as session:
        await session.request("GET", "/")
        assert (await session.request("GET", "/")).body == b""


@both
async def test_a_connection_is_kept(kind: Kind) -> None:
    peers = set()

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(status=204)

    async with serving(web.get("/", note)) as url, kind(url) as session:
        for _ in range(3):
            await session.request("GET", "/")
    assert len(peers) == 1


@both
async def test_nobody_listening_is_told_by_the_systems_word(kind: Kind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with kind(f"http://127.0.0.1:{port}", token=SECRET) as session:
        with pytest.raises(ConnectFailedError) as caught:
            await session.request("GET", "/")
    assert caught.value.message == f"cannot reach http://127.0.0.1:{port}: connection refused"


@both
async def test_a_name_that_does_not_resolve_is_told(kind: Kind) -> None:
    async with kind("http://nagare.invalid:8750") as session:
        with pytest.raises(ConnectFailedError, match=r"cannot reach http://nagare\.invalid:8750: "):
            await session.request("GET", "/")


@both
async def test_a_connection_that_ends_without_an_answer_is_told(kind: Kind) -> None:
    async with bytes_server(b"") as server, kind(server.url) as session:
        with pytest.raises(ConnectFailedError, match="the connection was closed"):
            await session.request("POST", "/", body=b"x")


@both
async def test_the_deadline_is_the_callers(kind: Kind) -> None:
    never = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async with serving(web.get("/", hang)) as url, kind(url) as session:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await session.request("GET", "/")
        never.set()


@both
async def test_a_wrong_pin_ends_the_connection_before_a_byte_is_sent(kind: Kind, tmp_path: Path) -> None:
    certificate, tls = make_certificate(tmp_path)
    wrong = certificate.pin[:-2] + ("00" if certificate.pin[-2:] != "00" else "11")
    async with bytes_server(tls=tls) as server, kind(server.url, token=SECRET, trust=Trust(pin=wrong)) as session:
        with pytest.raises(ConnectFailedError, match="its certificate does not match the pin"):
            await session.request("POST", "/api", body=b"x")
        await server.ended.wait()
    # The handshake was made, and nothing of HTTP came: no path, no Authorization.
    assert server.connections == [b""]


@both
async def test_the_right_pin_is_enough_without_a_known_authority(kind: Kind, tmp_path: Path) -> None:
    certificate, tls = make_certificate(tmp_path)
    trust = Trust(pin=certificate.pin.upper())
    async with serving(web.post("/echo", _echo), tls=tls) as url, kind(url, token=SECRET, trust=trust) as session:
        assert (await session.request("POST", "/echo")).headers["x-auth"] == f"Bearer {SECRET}"


@both
async def test_a_key_that_was_told_ahead_is_as_good_as_the_pin(kind: Kind, tmp_path: Path) -> None:
    certificate, tls = make_certificate(tmp_path)
    told = Trust(pin="00" * 32, next_pins=("11" * 32, certificate.pin))
    async with serving(web.post("/echo", _echo), tls=tls) as url, kind(url, token=SECRET, trust=told) as session:
        assert (await session.request("POST", "/echo")).status == 201
    strange = Trust(pin="00" * 32, next_pins=("11" * 32,))
    async with bytes_server(tls=tls) as server, kind(server.url, token=SECRET, trust=strange) as session:
        with pytest.raises(ConnectFailedError, match="its certificate does not match the pin"):
            await session.request("GET", "/")
        await server.ended.wait()
    assert server.connections == [b""]
    # Without a pin there is nothing that could have told of others: the authority counts.
    none = Trust(next_pins=(certificate.pin,))
    async with serving(web.post("/echo", _echo), tls=tls) as url, kind(url, trust=none) as session:
        with pytest.raises(ConnectFailedError, match="not trusted"):
            await session.request("POST", "/echo")


@both
async def test_a_pin_of_the_whole_certificate_is_still_taken(kind: Kind, tmp_path: Path) -> None:
    certificate, tls = make_certificate(tmp_path)
    der = ssl.PEM_cert_to_DER_cert(certificate.certificate_file.read_text())
    trust = Trust(pin=hashlib.sha256(der).hexdigest())
    async with serving(web.post("/echo", _echo), tls=tls) as url, kind(url, trust=trust) as session:
        assert (await session.request("POST", "/echo")).status == 201


@both
async def test_a_pin_outlives_the_renewal_of_the_certificate(kind: Kind, tmp_path: Path) -> None:
    pinned, _ = make_certificate(tmp_path)
    pinned.certificate_file.unlink()
    renewed, tls = make_certificate(tmp_path)
    assert renewed.serial != pinned.serial
    async with serving(web.post("/echo", _echo), tls=tls) as url, kind(url, trust=Trust(pin=pinned.pin)) as session:
        assert (await session.request("POST", "/echo")).status == 201


@both
async def test_a_certificate_of_the_given_authority_is_trusted(kind: Kind, tmp_path: Path) -> None:
    certificate, tls = make_certificate(tmp_path)
    trust = Trust(ca_file=certificate.ca_file)
    async with serving(web.post("/echo", _echo), tls=tls) as url, kind(url, trust=trust) as session:
        assert (await session.request("POST", "/echo")).status == 201


@both
async def test_a_certificate_of_nobody_we_know_is_refused(kind: Kind, tmp_path: Path) -> None:
    _, tls = make_certificate(tmp_path)
    async with bytes_server(tls=tls) as server, kind(server.url, token=SECRET) as session:
        with pytest.raises(ConnectFailedError, match="its certificate is not trusted"):
            await session.request("GET", "/")
    assert server.connections in ([], [b""])


@both
@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_an_unusable_authority_is_told_when_the_session_is_made(
    kind: Kind, tmp_path: Path, content: str | None
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    with pytest.raises(ConfigError, match="cannot read certificate authority"):
        async with kind("https://127.0.0.1:1", trust=Trust(ca_file=ca_file)):
            pass


@both
async def test_a_pin_is_compared_again_when_the_server_came_back_as_another(kind: Kind, tmp_path: Path) -> None:
    async def last(_: web.Request) -> web.Response:
        return web.Response(headers={"Connection": "close"})

    certificate, tls = make_certificate(tmp_path / "ours")
    _, other_tls = make_certificate(tmp_path / "theirs")
    async with AsyncExitStack() as ours:
        url = await ours.enter_async_context(serving(web.get("/", last), tls=tls))
        async with kind(url, token=SECRET, trust=Trust(pin=certificate.pin)) as session:
            assert (await session.request("GET", "/")).status == 200
            await ours.aclose()
            async with serving(web.get("/", last), tls=other_tls, port=int(url.rpartition(":")[2])):
                with pytest.raises(ConnectFailedError, match="its certificate does not match the pin"):
                    await session.request("GET", "/")


@both
async def test_a_server_without_tls_is_told(kind: Kind) -> None:
    async with serving(web.post("/echo", _echo)) as url, kind(url.replace("http:", "https:")) as session:
        with pytest.raises(ConnectFailedError, match="no TLS connection could be made"):
            await session.request("POST", "/echo")


@both
async def test_a_kept_tls_connection_that_was_closed_meanwhile_is_replaced(kind: Kind, tmp_path: Path) -> None:
    certificate, tls = make_certificate(tmp_path)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    trust = Trust(pin=certificate.pin)
    async with bytes_server(answer, tls=tls) as server, kind(server.url, trust=trust) as session:
        await session.request("GET", "/first")
        await server.ended.wait()
        assert (await session.request("POST", "/second", body=b"again")).body == b"ok"
    assert len(server.connections) == 2
