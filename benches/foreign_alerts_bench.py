"""Foreign alerts: how long senders wait for their answer, while 1,000 alerts a second come for half a minute.

A real server in a process of its own, webhooks of ten alerts as Alertmanager sends them: begins, repeats and ends of 5,000 things. Requests have
fixed moments, and each is measured from its own, whether or not the server kept up.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from benches.report import Row, Section
from tests.support.processes import RunningServer, serving

RATE, SECONDS, GROUP, THINGS = 1_000, 30, 10, 5_000
_START = "2026-01-01T00:00:00Z"


def _body(number: int) -> dict[str, Any]:
    alerts = []
    for place in range(number * GROUP, (number + 1) * GROUP):
        turn, thing = divmod(place, THINGS)
        # Each begins, is said again, and ends.
        status = ("firing", "firing", "resolved")[turn % 3]
        alerts.append(
            {
                "status": status, "labels": {"alertname": "Load", "n": str(thing), "instance": f"web{thing % 200}:9100", "severity": "high"},
                "annotations": {"summary": f"thing {thing} is slow"}, "fingerprint": f"{thing:016x}",
                "startsAt": _START, "endsAt": "0001-01-01T00:00:00Z",
            }
        )  # fmt: skip
    return {"version": "4", "receiver": "nagare", "alerts": alerts}


async def _send(server: RunningServer) -> tuple[list[float], int]:
    """Return the seconds until each answer, and how many were not taken."""
    headers = {"Authorization": f"Bearer {server.token}"}
    waits: list[float] = []
    refused = 0
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=32)) as session:
        began = time.monotonic() + 0.5

        async def one(number: int) -> None:
            nonlocal refused
            moment = began + number * GROUP / RATE
            await asyncio.sleep(max(0.0, moment - time.monotonic()))
            async with session.post(f"{server.url}/api/v1/webhooks/alertmanager", json=_body(number)) as answer:
                await answer.read()
                refused += answer.status != 200
            waits.append(time.monotonic() - moment)

        async with asyncio.TaskGroup() as tasks:
            for number in range(RATE * SECONDS // GROUP):
                tasks.create_task(one(number))
    return waits, refused


def _cpu_seconds(server: RunningServer) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run() -> Section:
    """Send for half a minute."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "data") as server:
        before = _cpu_seconds(server)
        waits, refused = asyncio.run(_send(server))
        cost = _cpu_seconds(server) - before
    cuts = statistics.quantiles(waits, n=100)
    what = f"{RATE:,} alerts/s for {SECONDS} s, {GROUP} a request"
    return Section(
        "Foreign alerts",
        "Time from the moment of each request until its answer, which comes once its alerts are durable.",
        [
            Row(f"{what}: half of the answers", cuts[49] * 1000, "ms"),
            Row(f"{what}: 99 of 100 answers", cuts[98] * 1000, "ms", promise=100.0),
            Row(f"{what}: the slowest", max(waits) * 1000, "ms"),
            Row(f"{what}: processor time of the server", cost / SECONDS * 100, "% of a core"),
            Row(f"{what}: requests not taken", refused, "requests", promise=0.0),
        ],
    )
