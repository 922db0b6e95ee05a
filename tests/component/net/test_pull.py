"""Reading pages of other servers: what is followed, what is cut, what is never sent."""

from pathlib import Path

import pytest
from aiohttp import web

from nagare.errors import BodyTooLargeError, ConfigError, ConnectFailedError
from nagare.net.answer import Answer
from nagare.net.pull import Puller
from nagare.net.trust import Trust
from tests.component.net.local_server import bytes_server, make_certificate, serving
from tests.support.exporters import Exporter, exporting

SECRET = {"Authorization": "Bearer s3cret"}


async def _fetch(url: str, limit_bytes: int = 10_000, trust: Trust | None = None) -> Answer:
    async with Puller(trust) as puller:
        return await puller.fetch(url, headers=SECRET, limit_bytes=limit_bytes)


async def test_an_answer_comes_as_it_was_sent() -> None:
    async with exporting(Exporter(page="a 1\n", encoding="gzip")) as exporter:
        answer = await _fetch(exporter.url)
    assert (answer.status, answer.headers["content-encoding"], answer.body[:2]) == (200, "gzip", b"\x1f\x8b")
    assert exporter.asked[0]["Accept-Encoding"] == "gzip"
    assert exporter.asked[0]["Authorization"] == "Bearer s3cret"


async def test_a_redirect_at_the_same_server_is_followed() -> None:
    async with exporting() as exporter:

        async def away(_: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": "/metrics"})

        async with serving(web.get("/old", away), web.get("/metrics", exporter.answer)) as url:
            answer = await _fetch(f"{url}/old")
    assert (answer.status, answer.body) == (200, b"requests_total 1\n")


@pytest.mark.parametrize("location", ["http://other.test/metrics", "//other.test/", "ftp://x/", "http://[bad"])
async def test_a_redirect_elsewhere_is_not_followed(location: str) -> None:
    async with exporting(Exporter(status=302, location=location)) as exporter:
        with pytest.raises(ConnectFailedError, match="redirects elsewhere"):
            await _fetch(exporter.url)


async def test_another_port_is_elsewhere() -> None:
    async with exporting() as other, exporting(Exporter(status=307, location=other.url)) as exporter:
        with pytest.raises(ConnectFailedError, match="redirects elsewhere"):
            await _fetch(exporter.url)
    assert other.asked == []


async def test_redirects_in_a_circle_end() -> None:
    async with exporting(Exporter(status=301, location="/metrics")) as exporter:
        with pytest.raises(ConnectFailedError, match="more than 5 times"):
            await _fetch(exporter.url)
    assert len(exporter.asked) == 6


async def test_a_redirect_that_names_no_place_is_an_answer() -> None:
    async with exporting(Exporter(status=304)) as exporter:
        assert (await _fetch(exporter.url)).status == 304


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    async with bytes_server(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n") as server:
        with pytest.raises(BodyTooLargeError, match="larger than 10000 bytes"):
            await _fetch(server.url)


async def test_a_body_that_does_not_end_is_cut() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)
            sent += 65536

    async with serving(web.get("/", endless)) as url:
        with pytest.raises(BodyTooLargeError):
            await _fetch(url)
    assert sent < 100 * 2**20


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x00\x01garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\na 1\n", b"SSH-2.0-OpenSSH\r\n"],
    ids=["closed", "garbage", "cut", "ssh"],
)
async def test_what_is_no_answer_is_told_as_a_failed_connection(answer: bytes) -> None:
    async with bytes_server(answer) as server:
        with pytest.raises(ConnectFailedError, match="cannot reach http://127"):
            await _fetch(server.url)


@pytest.mark.parametrize(
    "address", [f"http://{'a' * 64}.test/", "http://a..test/", "http://[::1/", "http://xn--\u00fc/"]
)
async def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(ConnectFailedError):
        await _fetch(address)


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exporting() as proxy, exporting() as exporter:
        monkeypatch.setenv("http_proxy", proxy.url)
        await _fetch(exporter.url)
    assert proxy.asked == []
    assert len(exporter.asked) == 1


async def test_an_authority_of_our_own_is_believed_and_no_other(tmp_path: Path) -> None:
    certificate, tls = make_certificate(tmp_path / "right")
    stranger, _ = make_certificate(tmp_path / "wrong")
    exporter = Exporter()
    async with serving(web.get("/metrics", exporter.answer), tls=tls) as url:
        assert (await _fetch(f"{url}/metrics", trust=Trust(certificate.ca_file))).status == 200
        for trust in (Trust(), Trust(stranger.ca_file)):
            with pytest.raises(ConnectFailedError, match="certificate is not trusted"):
                await _fetch(f"{url}/metrics", trust=trust)
    with pytest.raises(ConfigError, match="certificate authority"):
        await _fetch("https://127.0.0.1:1/", trust=Trust(tmp_path / "none.pem"))
