"""Channels of apprise: real children of the real library, which speak to servers on loopback."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from nagare.interop.outgoing.text import render
from nagare.model.notify.notice import Notice
from nagare.model.notify.receiver import Channel, ChannelKind
from nagare.model.notify.sending import NotSent, Sent
from nagare.net.channels.apprise import REFUSED, AppriseSender
from nagare.net.channels.secret import Secrets
from tests.component.net.local_server import serving
from tests.support.outgoing_notices import ACK_URL, channel, delivery, notice, over
from tests.support.source import ROOT


@dataclass
class Sink:
    """What takes the library's JSON notifications; ``url`` is one of apprise."""

    status: int = 200
    location: str = ""
    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.got.append(await request.json())
        headers = {"Location": self.location} if self.location else {}
        return web.Response(status=self.status, headers=headers)


@asynccontextmanager
async def _sink(sink: Sink | None = None) -> AsyncIterator[Sink]:
    found = sink or Sink()
    async with serving(web.post("/{rest:.*}", found.take)) as url:
        found.url = f"{url.replace('http', 'json')}/in"
        yield found


async def _send(tmp_path: Path, url: str, told: Notice | None = None, deadline_seconds: float = 60.0) -> Sent | NotSent:
    (tmp_path / "url").write_text(url)
    secrets = Secrets()
    sender = AppriseSender(secrets, render, deadline_seconds=deadline_seconds)
    one = channel(ChannelKind.APPRISE, secret_file=str(tmp_path / "url"))
    try:
        return await sender.send(one, delivery(told or notice(), one.kind), "", ACK_URL)
    finally:
        secrets.close()


async def test_a_notice_arrives_with_title_body_and_kind(tmp_path: Path) -> None:
    async with _sink() as sink:
        assert await _send(tmp_path, sink.url) == Sent()
        assert await _send(tmp_path, sink.url, over()) == Sent()
    first, second = sink.got
    assert (first["title"], first["type"]) == ("[FIRING:1] DiskFull on web1 (critical)", "failure")
    assert first["message"].endswith(f"\n\nAcknowledge: {ACK_URL}")
    assert (second["title"], second["type"]) == ("[RESOLVED] DiskFull on web1", "success")
    assert "Acknowledge" not in second["message"]
    assert first["attachments"] == []


async def test_the_child_has_nothing_of_the_servers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But what leads it to the network; and no module of the working directory stands in for the library."""
    environments = list[dict[str, str]]()

    async def look(_: web.Request) -> web.Response:
        environments.extend(_environment(process) for process in _children())
        return web.Response()

    (tmp_path / "apprise.py").write_text("raise SystemExit\n")
    monkeypatch.chdir(tmp_path)
    places = [str(ROOT / "src"), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", *places]))
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NAGARE_RECORDS_PASSWORD", "SECRET-WORD")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    async with serving(web.post("/{rest:.*}", look)) as url:
        assert await _send(tmp_path, url.replace("http", "json")) == Sent()
    (found,) = environments
    assert found.pop("PATH") == os.environ["PATH"]
    assert found == {
        "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(places), "REQUESTS_CA_BUNDLE": str(tmp_path), "no_proxy": "127.0.0.1"
    }  # fmt: skip


@pytest.mark.parametrize(("status", "is_final"), [(404, True), (401, True), (429, False), (503, False)])
async def test_why_not_is_what_the_library_says(tmp_path: Path, status: int, is_final: bool) -> None:
    async with _sink(Sink(status)) as sink:
        sent = await _send(tmp_path, f"{sink.url}/SECRET-PATH")
    assert isinstance(sent, NotSent)
    assert sent.is_final is is_final
    assert sent.fault.startswith("cannot send to ops/phone: ")
    assert f"error={status}" in sent.fault
    assert "SECRET" not in sent.fault


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async with _sink() as other, _sink(Sink(307, other.url.replace("json", "http"))) as sink:
        sent = await _send(tmp_path, sink.url)
    assert isinstance(sent, NotSent)
    assert (len(sink.got), other.got) == (1, [])


async def test_one_that_hangs_is_killed_at_the_deadline(tmp_path: Path) -> None:
    reached, end = asyncio.Event(), asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        reached.set()
        await end.wait()
        return web.Response()

    async with serving(web.post("/{rest:.*}", hang)) as url:
        sent = await _send(tmp_path, url.replace("http", "json"), deadline_seconds=4.0)
        end.set()
    assert reached.is_set()
    assert sent == NotSent("cannot send to ops/phone: not sent within 4 s")
    assert _children() == set()


async def test_a_delivery_that_is_given_up_leaves_no_child(tmp_path: Path) -> None:
    reached, end = asyncio.Event(), asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        reached.set()
        await end.wait()
        return web.Response()

    async with serving(web.post("/{rest:.*}", hang)) as url:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(_send(tmp_path, url.replace("http", "json")))
            await reached.wait()
            task.cancel()
        end.set()
    assert _children() == set()


def _children() -> set[str]:
    """Return the children of this process that run the library."""
    found = set()
    for process in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        command = Path(f"/proc/{process}/cmdline")
        if command.exists() and b"apprise_child" in command.read_bytes():
            found.add(process)
    return found


def _environment(process: str) -> dict[str, str]:
    """Return the environment with which a process began."""
    pairs = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair)


@pytest.mark.parametrize("scheme", sorted(REFUSED))
async def test_what_acts_on_the_servers_own_machine_is_refused(tmp_path: Path, scheme: str) -> None:
    sent = await _send(tmp_path, f"{scheme.upper()}://x")
    assert sent == NotSent(
        f"cannot send to ops/phone: {scheme}:// would act on the server's own machine, which no channel may",
        is_final=True,
    )


@pytest.mark.parametrize("url", ["no url", "/etc/passwd", "://x", "unheard://x/SECRET-PATH", "json://"])
async def test_a_url_that_is_none_is_final(tmp_path: Path, url: str) -> None:
    sent = await _send(tmp_path, url)
    assert isinstance(sent, NotSent)
    assert sent.is_final
    assert "SECRET" not in sent.fault


@pytest.mark.parametrize(
    "url",
    ["discord://123456/abcdefghij?template=PLACE", "tgram://123456789:abcdefg_hijklmnop/1/?template=PLACE", "discord://123456/abcdefghij?template=file://PLACE"],
)  # fmt: skip
async def test_no_file_is_read(tmp_path: Path, url: str) -> None:
    """A template of a file that is there: the library would read it, and send it."""
    place = tmp_path / "template.json"
    place.write_text('{"content": "{{ app_body }}"}')
    url = url.replace("PLACE", str(place))
    # Left to itself the library takes it.
    assert _said(f"import apprise; print(apprise.Apprise.instantiate({url!r}) is not None)") == ["True"]
    sent = await _send(tmp_path, url)
    assert isinstance(sent, NotSent)
    assert sent.is_final
    assert "Could not load" in sent.fault


async def test_a_secret_that_cannot_be_read_starts_no_child(tmp_path: Path) -> None:
    secrets = Secrets()
    one = Channel("ops/phone", ChannelKind.APPRISE, secret_file=str(tmp_path / "none"))
    sent = await AppriseSender(secrets, render).send(one, delivery(notice(), one.kind), "", "")
    secrets.close()
    assert isinstance(sent, NotSent)
    assert not sent.is_final


def test_the_library_is_loaded_by_the_child_alone() -> None:
    code = "import sys, nagare.alerting.notify.channels; print('apprise' in sys.modules, 'requests' in sys.modules)"
    assert _said(code) == ["False", "False"]


def test_the_child_refuses_them_by_itself() -> None:
    code = (
        "from nagare.net.channels.apprise import REFUSED, Message\n"
        "from nagare.net.channels.apprise_child import send\n"
        "print(*(one for one in REFUSED if not send(Message(f'{one}://x', 't', 'b', 'info')).is_final))"
    )
    assert _said(code) == []


def _said(code: str) -> list[str]:
    child = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return child.stdout.split()
