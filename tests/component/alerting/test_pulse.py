"""The pulse: what it says, that it stops with judging, and that its address stays a secret."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from nagare.alerting.heartbeats.pulse import Pulsing
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.event import Severity
from nagare.model.notify.heartbeat import Pulse
from nagare.net.outward import OutwardSession
from tests.component.net.local_server import bytes_server

SECRET = "hush-8f1c"


@dataclass
class Judge:
    """How judging does, as the test says."""

    leads: bool = True
    idle_seconds: float = 1.0
    failing: int = 0


@dataclass
class Watcher:
    """Who watches us, at an address that is a secret."""

    server: TestServer
    file: Path
    status: int = 200
    came: list[Any] = field(default_factory=list)


@pytest.fixture
async def watcher(tmp_path: Path) -> AsyncIterator[Watcher]:
    """A watcher that answers."""

    async def take(request: web.Request) -> web.Response:
        found.came.append(await request.json())
        return web.Response(status=found.status)

    app = web.Application()
    app.router.add_post(f"/{SECRET}", take)
    server = TestServer(app)
    async with server:
        found = Watcher(server, tmp_path / "pulse")
        found.file.write_text(f"{server.make_url(f'/{SECRET}')}\n")
        yield found


def made(watcher: Watcher, judge: Judge, alerts: list[Alert]) -> Pulsing:
    """Return the pulse of a server."""
    return Pulsing(lambda: Pulse(str(watcher.file), ""), judge, lambda: alerts, ManualClock(), Counters())


def alert(state: AlertState, severity: Severity) -> Alert:
    """Return an alert."""
    return Alert("a", "test", "f", "", severity, {}, {}, 0, 0, 0, state)


async def beat(pulsing: Pulsing) -> bool:
    """Send one."""
    pulse = pulsing.wanted()
    assert pulse is not None
    async with OutwardSession() as session:
        return await pulsing.beat(session, pulse)


async def test_it_says_how_things_are(watcher: Watcher) -> None:
    alerts = [
        alert(AlertState.FIRING, Severity.HIGH),
        alert(AlertState.ACKNOWLEDGED, Severity.HIGH),
        alert(AlertState.PENDING, Severity.CRITICAL),
    ]
    judge = Judge()
    assert await beat(made(watcher, judge, alerts))
    (came,) = watcher.came
    assert came["status"] == "ok"
    assert came["alerts"] == {"critical": 0, "high": 2, "warning": 0, "info": 0}
    assert came["at"].startswith("2025-10-09T")
    judge.failing = 3
    assert await beat(made(watcher, judge, []))
    assert (watcher.came[1]["status"], watcher.came[1]["failing_rules"]) == ("degraded", 3)


async def test_it_stops_when_rules_are_not_judged(watcher: Watcher, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nagare.alerting.heartbeats.pulse")
    judge = Judge(idle_seconds=91)
    pulsing = made(watcher, judge, [])
    assert not await beat(pulsing)
    assert not await beat(pulsing)
    assert watcher.came == []
    judge.idle_seconds = 0.1
    assert await beat(pulsing)
    assert [record.message for record in caplog.records] == [
        "pulse_not_sent: cannot send pulse: rules were not judged for 91 s",
        "pulse_sent_again",
    ]
    assert dict(pulsing.counters) == {"pulses_failed": 2, "pulses_sent": 1}


async def test_a_server_that_does_not_judge_is_silent(watcher: Watcher) -> None:
    pulsing = made(watcher, Judge(leads=False), [])
    assert not await beat(pulsing)
    assert (watcher.came, dict(pulsing.counters)) == ([], {})


@pytest.mark.parametrize("fault", ["refused", "away", "redirect", "no file", "no address", "ftp", "two lines"])
async def test_the_address_stays_a_secret(watcher: Watcher, caplog: pytest.LogCaptureFixture, fault: str) -> None:
    caplog.set_level(logging.DEBUG)
    if fault in ("refused", "redirect"):
        watcher.status = 403 if fault == "refused" else 302
    elif fault == "away":
        await watcher.server.close()
    elif fault == "no file":
        watcher.file.unlink()
    else:
        bad = {"no address": f"http://[{SECRET}", "ftp": f"ftp://host/{SECRET}", "two lines": f"{SECRET}\n{SECRET}"}
        watcher.file.write_text(bad[fault])
    pulsing = made(watcher, Judge(), [])
    assert not await beat(pulsing)
    assert pulsing.fault
    # The watcher itself may write what it was asked.
    said = [record.getMessage() for record in caplog.records if record.name.startswith("nagare")]
    assert SECRET not in pulsing.fault + " ".join(said)


async def test_an_answer_that_is_none_does_not_tell_the_address(
    watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    async with bytes_server(b"HTTP/1.1 what\r\n\r\n") as garbage:
        watcher.file.write_text(f"{garbage.url}/{SECRET}")
        pulsing = made(watcher, Judge(), [])
        assert not await beat(pulsing)
    assert pulsing.fault == f"cannot reach {garbage.url}: its answer is no HTTP"
    assert SECRET not in caplog.text


async def test_the_variable_is_read_too(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHER", watcher.file.read_text())
    pulsing = Pulsing(lambda: Pulse("", "WATCHER"), Judge(), list, ManualClock(), Counters())
    assert await beat(pulsing)
    assert json.loads(json.dumps(watcher.came))[0]["status"] == "ok"
