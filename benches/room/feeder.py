"""A real server that feeds itself: hosts and alerts as they come, a history in its store, and live rows put into its hub.

Everything that the dashboard asks is answered by the server's own code; only the agents' requests are left out, which a machine
with two cores could not take a thousand times a second beside a dashboard that is measured. It obeys lines on its
standard input: ``live HZ``, ``fast RATE INTERVAL_MS ORIGIN_MS FIRST END``, ``still``; and says a line for each.
"""

import argparse
import asyncio
import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from benches.room.frames import history, tables_at
from nagare.config.places import Places
from nagare.config.settings import ServerSettings, Settings
from nagare.server.lifecycle import Running, serving
from nagare.wire.batch import Batch
from nagare.wire.hosts import RegisterRequest
from tests.support.migrated import place_records

_SLICES = 20
_ALERTS_A_REQUEST = 200
_AT_ONCE = 50
_DAY_MS, _QUARTER_MS = 86_400_000, 900_000


def host_name(number: int) -> str:
    """Return the name of a host."""
    return f"{('web', 'db', 'cache', 'worker')[number % 4]}-{number:04}"


class Feeder:
    """The rows of all hosts, at a pace."""

    def __init__(self, running: Running, hosts: int) -> None:
        self._services = running.services
        self._hosts = hosts
        self.url = running.url

    async def begin(self) -> None:
        """Register the hosts and lay their last quarter of an hour down; of the first one a whole day."""
        for start in range(0, self._hosts, _AT_ONCE):
            async with asyncio.TaskGroup() as tasks:
                for number in range(start, min(start + _AT_ONCE, self._hosts)):
                    tasks.create_task(self._begin_host(number))

    async def _begin_host(self, number: int) -> None:
        name, now_ms = host_name(number), time.time_ns() // 1_000_000
        labels = {"role": name.partition("-")[0], "env": "prod"}
        await self._services.fleet.register(RegisterRequest(name, f"m-{name}", "0.1.0", labels=labels))
        hour_ms = _DAY_MS // 24
        past = [(now_ms - _QUARTER_MS, now_ms, 15_000)]
        if not number:
            past = [(at, at + hour_ms, 5000) for at in range(now_ms - _DAY_MS, now_ms, hour_ms)]
        for seq, (start_ms, end_ms, step_ms) in enumerate(past, 1):
            batch = Batch(1, name, "past", seq, history(number, start_ms, end_ms, step_ms))
            await self._services.store.append(batch)

    def send_alerts(self, token: str, count: int) -> None:
        """Push alerts as an Alertmanager does."""
        for start in range(0, count, _ALERTS_A_REQUEST):
            alerts = [_alert(number) for number in range(start, min(start + _ALERTS_A_REQUEST, count))]
            body = json.dumps({"version": "4", "receiver": "nagare", "alerts": alerts}).encode()
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            request = urllib.request.Request(f"{self.url}/api/v1/webhooks/alertmanager", body, headers)
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer.read()

    def _publish(self, hosts: range, tick: int, ts_ms: int) -> None:
        for number in hosts:
            self._services.hub.publish_rows(host_name(number), tables_at(number, tick, ts_ms))

    async def live(self, hertz: float) -> None:
        """Send each host's rows so often a second, spread over the time, until cancelled."""
        began, tick = time.monotonic(), 0
        while True:
            for part in range(_SLICES):
                due = began + (tick + part / _SLICES) / hertz
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                self._publish(range(part, self._hosts, _SLICES), tick, time.time_ns() // 1_000_000)
            tick += 1

    async def fast(self, rate: float, interval_ms: int, origin_ms: int, rounds: range) -> None:
        """Send ``rounds``, the hands of the clock running ``rate`` times as fast from ``origin_ms`` on; a round waits for its readers."""
        for tick in rounds:
            ts_ms = origin_ms + tick * interval_ms
            due_ms = origin_ms + tick * interval_ms / rate
            await asyncio.sleep(max(0.0, (due_ms - time.time_ns() / 1e6) / 1000))
            for part in range(_SLICES):
                self._publish(range(part, self._hosts, _SLICES), tick, ts_ms)
                await self._until_read()

    async def _until_read(self) -> None:
        # The hub tells nobody when an outbox is empty: nothing of the server waits for that.
        while any(connection.outbox for connection in self._services.hub._connections):  # noqa: SLF001, ASYNC110  as above
            await asyncio.sleep(0.001)


def _alert(number: int) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {
            "alertname": f"Load{number % 40}", "n": str(number), "instance": f"{host_name(number % 1000)}:9100",
            "severity": ("warning", "high", "critical", "info")[number % 4],
        },
        "annotations": {"summary": f"thing {number} is slower than it was and should be looked at"},
        "fingerprint": f"{number:016x}", "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
    }  # fmt: skip


async def _obey(feeder: Feeder) -> None:
    """Do what each line says until there is none any more."""
    loop, work = asyncio.get_running_loop(), None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        verb, *arguments = line.split()
        if work is not None:
            work.cancel()
        work = None
        if verb == "live":
            work = asyncio.create_task(feeder.live(float(arguments[0])))
        elif verb == "fast":
            rate, interval_ms, origin_ms, first, end = arguments
            await feeder.fast(float(rate), int(interval_ms), int(origin_ms), range(int(first), int(end)))
        print(verb, flush=True)


async def _main(data: Path, hosts: int, alerts: int) -> None:
    places = Places(data)
    place_records(places.records)
    async with serving(Settings(data=data, server=ServerSettings(listen="127.0.0.1:0"))) as running:
        feeder = Feeder(running, hosts)
        await feeder.begin()
        if alerts:
            await asyncio.to_thread(feeder.send_alerts, places.token.read_text().strip(), alerts)
        print("ready", running.url, flush=True)
        await _obey(feeder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("hosts", type=int)
    parser.add_argument("alerts", type=int)
    given = parser.parse_args()
    asyncio.run(_main(given.data, given.hosts, given.alerts))
