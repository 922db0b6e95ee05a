"""Channels over HTTP, against real servers: good ones, and all that stands in their place on a bad day."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from nagare.alerting.notify.channels import make_channels
from nagare.interop.alertmanager import read_webhook
from nagare.interop.outgoing.table import CODECS
from nagare.lib.clock import ManualClock
from nagare.model.event import Event
from nagare.model.notify.notice import Notice
from nagare.model.notify.receiver import Channel, ChannelKind
from nagare.model.notify.sending import NotSent, Sent
from nagare.net.channels.http import HttpSender
from nagare.net.channels.secret import Secrets
from nagare.net.trust import Trust
from tests.component.net.local_server import bytes_server, make_certificate, serving
from tests.support.outgoing_notices import ACK_URL, channel, delivery, notice, over
from tests.support.source import ROOT

TOKEN = "123456:ABC-def_1"


@asynccontextmanager
async def _sender(trust: Trust | None = None, deadline_seconds: float = 20.0) -> AsyncIterator[HttpSender]:
    secrets = Secrets()
    sender = HttpSender(CODECS, secrets, ManualClock(), trust=trust, deadline_seconds=deadline_seconds)
    try:
        yield sender
    finally:
        await sender.close()
        secrets.close()


async def _send(
    one: Channel,
    told: Notice | None = None,
    ref: str = "",
    *,
    trust: Trust | None = None,
    deadline_seconds: float = 20.0,
) -> Sent | NotSent:
    async with _sender(trust, deadline_seconds) as sender:
        return await sender.send(one, delivery(told or notice(), one.kind), ref, ACK_URL)


def _hook(tmp_path: Path, url: str) -> Channel:
    """Return a webhook whose whole URL is secret."""
    (tmp_path / "url").write_text(url)
    return channel(ChannelKind.WEBHOOK, secret_file=str(tmp_path / "url"))


async def test_another_nagare_takes_what_we_send(tmp_path: Path) -> None:
    asked: list[web.Request] = []
    bodies: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        asked.append(request)
        bodies.append(await request.read())
        return web.Response(status=200)

    (tmp_path / "key").write_text("the-key")
    async with serving(web.post("/api/v1/webhooks/alertmanager", take)) as url:
        one = channel(ChannelKind.WEBHOOK, secret_file=str(tmp_path / "key"), url=f"{url}/api/v1/webhooks/alertmanager")
        assert await _send(one) == Sent()
    assert asked[0].headers["Authorization"] == "Bearer the-key"
    assert asked[0].headers["Idempotency-Key"] == delivery(notice()).id
    told = read_webhook(bodies[0])[0]
    assert (told.labels["host"], told.starts_ms, told.fingerprint) == ("web1", 1_760_000_000_000, "a1b2c3d4e5f60718")


async def test_a_whole_incident_is_one_message_that_is_changed(tmp_path: Path) -> None:
    calls: list[tuple[str, dict[str, Any]]] = []

    async def answer(request: web.Request) -> web.Response:
        calls.append((request.match_info["method"], await request.json()))
        return web.json_response({"ok": True, "result": {"message_id": 40 + len(calls)}})

    (tmp_path / "token").write_text(TOKEN)
    async with serving(web.post(f"/bot{TOKEN}/{{method}}", answer)) as url, _sender() as sender:
        one = channel(ChannelKind.TELEGRAM, secret_file=str(tmp_path / "token"), chat_id="-1", url=url)
        ref = ""
        for told in (notice(), notice(number=2, reason="some alerts resolved"), over()):
            sent = await sender.send(one, delivery(told, one.kind), ref, ACK_URL)
            assert sent == Sent("41")
            ref = sent.ref
    assert [method for method, _ in calls] == ["sendMessage", "sendMessage", "editMessageText"]
    assert calls[1][1]["reply_parameters"]["message_id"] == calls[2][1]["message_id"] == 41


async def test_what_was_deleted_is_sent_anew(tmp_path: Path) -> None:
    methods: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        methods.append(request.match_info["method"])
        if methods[-1] == "chat.update":
            return web.json_response({"ok": False, "error": "message_not_found"})
        return web.json_response({"ok": True, "channel": "C1", "ts": "9.9"})

    (tmp_path / "token").write_text("xoxb-1")
    async with serving(web.post("/api/{method}", answer)) as url:
        one = channel(ChannelKind.SLACK, secret_file=str(tmp_path / "token"), channel="#a", url=f"{url}/api")
        assert await _send(one, over(), "C1/1.1") == Sent("C1/9.9")
    assert methods == ["chat.update", "chat.postMessage"]


async def test_a_limit_is_told_with_its_time() -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.json_response({"code": 42901, "error": "limit reached"}, status=429, headers={"Retry-After": "17"})

    async with serving(web.post("/", busy)) as url:
        sent = await _send(channel(ChannelKind.NTFY, topic="alerts", url=url))
    assert sent == NotSent(
        "cannot send to ops/phone at 127.0.0.1: it answered with status 429 (Too Many Requests): limit reached",
        after_seconds=17.0,
    )


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    reached: list[web.Request] = []

    async def elsewhere(request: web.Request) -> web.Response:
        reached.append(request)
        return web.Response()

    async with serving(web.post("/stolen", elsewhere), web.get("/stolen", elsewhere)) as other:

        async def away(_: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": f"{other}/stolen"})

        async with serving(web.post("/in/{token}", away)) as url:
            sent = await _send(_hook(tmp_path, f"{url}/in/SECRET-PATH"))
    assert isinstance(sent, NotSent)
    assert sent.is_final
    assert "redirects are not followed" in sent.fault
    assert reached == []


async def test_a_server_that_hangs_is_left_at_the_deadline() -> None:
    end = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await end.wait()
        return web.Response()

    async with serving(web.post("/", hang)) as url:
        sent = await _send(channel(ChannelKind.NTFY, topic="alerts", url=url), deadline_seconds=0.2)
        end.set()
    assert sent == NotSent("cannot send to ops/phone: no whole answer within 0.2 s")


async def test_an_answer_without_end_is_read_to_the_bound() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0)

    async with serving(web.post("/", drip)) as url:
        sent = await _send(channel(ChannelKind.NTFY, topic="alerts", url=url), deadline_seconds=10.0)
    assert isinstance(sent, NotSent)


async def test_of_a_huge_answer_the_status_counts(tmp_path: Path) -> None:
    async def huge(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 5_000_000)

    async with serving(web.post("/", huge)) as url:
        assert await _send(_hook(tmp_path, url)) == Sent()
        sent = await _send(channel(ChannelKind.NTFY, topic="alerts", url=url))
    assert sent == NotSent(
        "cannot send to ops/phone at 127.0.0.1: it answered with status 200, but not as such a server does"
    )


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x00\x01garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"],
    ids=["closed", "garbage", "cut", "ssh", "cut-head"],
)  # fmt: skip
async def test_what_is_no_answer_is_tried_again(tmp_path: Path, answer: bytes) -> None:
    async with bytes_server(answer) as server:
        sent = await _send(_hook(tmp_path, f"{server.url}/in/SECRET-PATH"))
    assert isinstance(sent, NotSent)
    assert (sent.is_final, sent.after_seconds) == (False, None)
    assert sent.fault.startswith("cannot send to ops/phone: cannot reach http://127.0.0.1:")
    assert "SECRET" not in sent.fault


async def test_a_page_that_repeats_the_address_tells_nobody_of_it(tmp_path: Path) -> None:
    async def repeat(request: web.Request) -> web.Response:
        return web.json_response({"error": f"no such path {request.path}", "ok": False}, status=404)

    async with serving(web.post("/{rest:.*}", repeat)) as url:
        hook = await _send(_hook(tmp_path, f"{url}/in/SECRET-PATH?key=SECRET-KEY"))
        (tmp_path / "url").write_text(f"{url}/services/T00/SECRET-PATH")
        slack = await _send(channel(ChannelKind.SLACK, secret_file=str(tmp_path / "url")))
    assert hook == NotSent(
        "cannot send to ops/phone at 127.0.0.1: it answered with status 404 (Not Found)", is_final=True
    )
    assert isinstance(slack, NotSent)
    assert (
        slack.fault
        == "cannot send to ops/phone at 127.0.0.1: it answered with status 404 (Not Found): no such path /***/T00/***"
    )


async def test_a_long_secret_is_not_told_in_part(tmp_path: Path) -> None:
    """Cut before it was taken out, the half of it that was left would be told."""
    token = "SECRET" * 60

    async def repeat(request: web.Request) -> web.Response:
        return web.json_response({"error": f"no such path {request.path}", "message": request.path}, status=404)

    faults = []
    async with serving(web.post("/{rest:.*}", repeat)) as url, bytes_server(b"HTTP/1.1 what\r\n\r\n") as garbage:
        for base in (url, garbage.url):
            (tmp_path / "url").write_text(f"{base}/services/{token}")
            for kind in (ChannelKind.SLACK, ChannelKind.WEBHOOK):
                sent = await _send(channel(kind, secret_file=str(tmp_path / "url")))
                assert isinstance(sent, NotSent)
                faults.append(sent.fault)
        (tmp_path / "token").write_text(token)
        for kind in (ChannelKind.NTFY, ChannelKind.PAGERDUTY):
            one = channel(kind, secret_file=str(tmp_path / "token"), topic="a", url=f"{url}/in/{token}")
            sent = await _send(one)
            assert isinstance(sent, NotSent)
            faults.append(sent.fault)
    assert [fault for fault in faults if "SECRET" in fault] == []
    assert faults[2] == f"cannot send to ops/phone: cannot reach {garbage.url}: its answer is no HTTP"


async def test_words_of_a_provider_are_short(tmp_path: Path) -> None:
    async def talk(_: web.Request) -> web.Response:
        return web.json_response({"error": "x" * 5000}, status=404)

    async with serving(web.post("/", talk)) as url:
        sent = await _send(channel(ChannelKind.NTFY, topic="alerts", url=url))
    assert isinstance(sent, NotSent)
    assert len(sent.fault) == 500


async def test_an_unknown_authority_is_not_believed(tmp_path: Path) -> None:
    async def take(_: web.Request) -> web.Response:
        return web.json_response({"id": "x"})

    certificate, tls = make_certificate(tmp_path / "right")
    async with serving(web.post("/", take), tls=tls) as url:
        one = channel(ChannelKind.NTFY, topic="alerts", url=url)
        assert await _send(one, trust=Trust(certificate.ca_file)) == Sent("x")
        sent = await _send(one)
    assert isinstance(sent, NotSent)
    assert not sent.is_final
    assert "certificate is not trusted" in sent.fault


async def test_an_authority_of_our_own_is_named_by_the_environment(tmp_path: Path) -> None:
    async def take(_: web.Request) -> web.Response:
        return web.Response()

    certificate, tls = make_certificate(tmp_path / "right")
    code = (
        "import asyncio, sys\n"
        "from nagare.alerting.notify.channels import make_channels\n"
        "from nagare.lib.clock import SystemClock\n"
        "from tests.support.outgoing_notices import channel, delivery, notice\n"
        "async def main():\n"
        "    channels = make_channels(SystemClock(), print)\n"
        "    print(await channels.send(channel('webhook', url=sys.argv[1]), delivery(notice()), '', ''))\n"
        "    await channels.close()\n"
        "asyncio.run(main())\n"
    )
    async with serving(web.post("/", take), tls=tls) as url:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, url, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
            env={**os.environ, "SSL_CERT_FILE": str(certificate.ca_file)},
        )  # fmt: skip
        said, _ = await child.communicate()
    assert said == b"Sent(ref='')\n"


async def test_nothing_listens(tmp_path: Path) -> None:
    async with serving() as url:
        pass
    sent = await _send(_hook(tmp_path, f"{url}/in/SECRET-PATH"))
    assert sent == NotSent(f"cannot send to ops/phone: cannot reach {url}: connection refused")


async def test_a_proxy_of_the_environment_gets_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def take(_: web.Request) -> web.Response:
        return web.Response()

    async with serving(web.post("/", take)) as url, bytes_server(b"") as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert await _send(_hook(tmp_path, url)) == Sent()
    assert proxy.connections == []


async def test_a_secret_that_cannot_be_read_now_is_tried_again(tmp_path: Path) -> None:
    missing = await _send(channel(ChannelKind.NTFY, secret_file=str(tmp_path / "none"), topic="a"))
    assert missing == NotSent(
        f"cannot send to ops/phone: cannot use its secret: {tmp_path}/none: no such file or directory"
    )


async def test_a_channel_that_cannot_be_used_is_final_at_once(tmp_path: Path) -> None:
    assert await _send(_hook(tmp_path, "ftp://x/SECRET-PATH")) == NotSent(
        "cannot send to ops/phone: its address is no http or https URL", is_final=True
    )


async def test_no_log_names_a_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with bytes_server(b"") as server:
        await _send(_hook(tmp_path, f"{server.url}/in/SECRET-PATH"))
    await _send(_hook(tmp_path, "http://SECRET-PATH.invalid:1/SECRET-PATH"))
    assert "SECRET-PATH" not in caplog.text


async def test_a_percent_sign_of_a_token_stays_one(tmp_path: Path) -> None:
    paths: list[str] = []

    async def take(request: web.Request) -> web.Response:
        paths.append(request.raw_path)
        return web.Response()

    async with serving(web.post("/{rest:.*}", take)) as url:
        await _send(_hook(tmp_path, f"{url}/a%2Fb?k=%3D+c"))
    assert paths == ["/a%2Fb?k=%3D+c"]


async def test_terminals_are_told_by_an_event() -> None:
    events: list[Event] = []

    async def tell(event: Event) -> None:
        events.append(event)

    channels = make_channels(ManualClock(), tell)
    one = channel(ChannelKind.TERMINAL)
    try:
        for _ in range(2):
            assert await channels.send(one, delivery(notice(), one.kind), "", "") == Sent()
    finally:
        await channels.close()
    assert events[0] == events[1]
    assert (events[0].id, events[0].kind, events[0].host) == (delivery(notice()).id, "notification", "web1")
    assert events[0].text == "[FIRING:1] DiskFull on web1 (critical)"
    assert json.dumps(dict(events[0].attributes))
