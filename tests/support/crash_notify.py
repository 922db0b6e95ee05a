"""Tells of three alerts and of their ends on two channels, and is killed at a named step.

Usage: python crash_notify.py FOLDER STEP NUMBER     (the NUMBERth time STEP is reached; or "none")
Each message that a channel takes is a line of FOLDER/sink; ends with 0 once all was told.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.notify.room import Ways
from nagare.alerting.notify.wanted import DeliveriesWanted
from nagare.alerting.service import Alerts
from nagare.config.settings import AlertSettings
from nagare.lib.clock import SystemClock
from nagare.model.alert.alert import Transition
from nagare.model.event import Event
from nagare.model.notify.notice import Delivery, DeliveryState
from nagare.model.notify.receiver import Channel
from nagare.model.notify.sending import NotSent, Sent
from nagare.records.engine import Records
from nagare.wire.sql import SqlReply, SqlRequest
from tests.support.kill_at import KillAt
from tests.support.notify_room import alert, delivery, no_link

GROUPS, CHANNELS = ("A", "B", "C"), ("ops/one", "ops/two")
ROUTES = """
[route]
receiver = "ops"
group_by = ["alertname"]
group_wait = "0s"
group_interval = "1s"

[[receiver]]
name = "ops"
[[receiver.channel]]
kind = "terminal"
name = "one"
per_minute = 600
[[receiver.channel]]
kind = "terminal"
name = "two"
per_minute = 600
"""


class Told:
    """Dies at a step, and wakes who waits at every other."""

    def __init__(self, kill: KillAt) -> None:
        self._kill = kill
        self._loop = asyncio.get_running_loop()
        self.came = asyncio.Event()

    def step(self, name: str) -> None:
        """Take note of the step ``name``."""
        self._kill.step(name)
        self._loop.call_soon_threadsafe(self.came.set)


class Sink:
    """Channels that append to a file, each busy at its first message."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._seen: set[str] = set()

    async def send(self, channel: Channel, one: Delivery, _ref: str, _ack_url: str) -> Sent | NotSent:
        """Take it, but for the first."""
        if channel.key not in self._seen:
            self._seen.add(channel.key)
            return NotSent("busy")
        notice = one.notice
        told = {
            "id": one.id,
            "channel": channel.key,
            "reason": notice.reason,
            "firing": [line.id for line in notice.firing],
            "resolved": [line.id for line in notice.resolved],
        }
        os.write(self._file, f"{json.dumps(told, sort_keys=True)}\n".encode())
        return Sent(f"ref-{one.id}")


class Nobody:
    """Asks nothing and hears nothing."""

    async def ask(self, _request: SqlRequest) -> SqlReply:
        raise AssertionError("no rule is judged here")

    async def event_happened(self, _event: Event) -> None:
        """Nothing is kept of it."""

    def maintenance_of(self, _host: str) -> str:
        return ""

    def labels_of(self, _host: str) -> Mapping[str, str]:
        return {}


async def _begin(alerts: Alerts) -> None:
    """Open the alerts, unless a run before did, and leave something to a channel that is gone."""
    if not await alerts.store.find(GROUPS[0].lower()):
        made = [alert(name.lower(), alertname=name, host="web1") for name in GROUPS]
        await alerts.board.apply([Step(one, (Transition(1, None, one.state, "rule", "x"),)) for one in made])
    gone = replace(delivery("gone", 1, "ops/gone"), until_ms=2**52)
    await alerts.notifier.store.add([gone], alerts.notifier.outbox.bounds)


async def _until(alerts: Alerts, told: Told, sent: int) -> None:
    """Return once so many were sent and nothing waits."""
    store = alerts.notifier.store
    while True:
        told.came.clear()
        found = await store.find_all(DeliveriesWanted(), None, 1000)
        done = sum(1 for one in found if one.state == DeliveryState.SENT)
        if done >= sent and not any(one.state == DeliveryState.WAITING for one in found):
            return
        await told.came.wait()


async def main() -> None:
    folder, step, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "notify.toml").write_text(ROUTES)
    settings = AlertSettings(rules=folder / "rules", shipped=False, notify_file=folder / "notify.toml")
    clock, told = SystemClock(), Told(KillAt(step, number))
    async with (
        Records(folder / "records.db") as records,
        Alerts(records, settings, Nobody(), clock, Ways(Sink(folder / "sink"), no_link)) as alerts,
        asyncio.TaskGroup() as tasks,
    ):
        notifier = alerts.notifier
        notifier.store._observer = notifier.outbox._observer = notifier.planner._observer = told
        assert await alerts.judge._lead()
        await _begin(alerts)
        running = tasks.create_task(notifier.run())
        await _until(alerts, told, len(GROUPS) * len(CHANNELS))
        for one in [one for one in alerts.board.open() if one.is_active]:
            await alerts.board.change(one.id, lambda found: lifecycle.resolve(found, "rule", "calm", clock.now_ms()))
        await _until(alerts, told, 2 * len(GROUPS) * len(CHANNELS))
        assert await notifier.store.load_open() == []
        running.cancel()


if __name__ == "__main__":
    asyncio.run(main())
