"""From a sample to the people: how long it takes until a local webhook hears of a value that a rule looks for.

A real server in a process of its own. Values cross the rule's line at moments that have nothing to do with the rule's own; each is measured from the
moment before its request until the webhook has the message.
"""

import random
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from benches.report import Row, Section
from tests.support.hook import Hook, listening
from tests.support.processes import RunningServer, child_environment, serving, wait_until

COUNT, EVERY_SECONDS, SEED = 24, 5.0, 20261126
_RULES = """
[[rule]]
name = "Hot"
sql = "SELECT host, arg_max(value, ts) AS value FROM samples WHERE name = 'heat' GROUP BY host"
every = "5s"
window = "10m"
fires = "> 90"
severity = "critical"
"""
_ROUTES = """
[route]
receiver = "ops"
group_by = ["host"]
group_wait = "0s"

[[receiver]]
name = "ops"
[[receiver.channel]]
kind = "webhook"
url = "URL"
per_minute = 600
"""


def _write(server: RunningServer, host: str) -> None:
    request = urllib.request.Request(
        f"{server.url}/api/v1/import/prometheus",
        f'heat{{host="{host}"}} 97\n'.encode(),
        {"Authorization": f"Bearer {server.token}", "Content-Type": "text/plain"},
    )
    with urllib.request.urlopen(request, timeout=60):
        pass


def _waits(server: RunningServer, hook: Hook) -> list[float]:
    """Return the seconds from each sample to its message."""
    chance, began = random.Random(SEED), {}
    for number in range(COUNT):
        time.sleep(chance.uniform(0.0, EVERY_SECONDS))
        began[f"h{number}"] = time.monotonic()
        _write(server, f"h{number}")
    wait_until(lambda: len(hook.heard) >= COUNT, "every message", server.process)
    return [moment - began[body["alerts"][0]["labels"]["host"]] for moment, _, body in hook.heard]


def run() -> Section:
    """Write values and wait for their messages."""
    hook = Hook()
    with tempfile.TemporaryDirectory() as name, listening(hook) as url:
        folder = Path(name)
        (folder / "rules").mkdir()
        (folder / "rules" / "bench.toml").write_text(_RULES)
        (folder / "notify.toml").write_text(_ROUTES.replace("URL", url))
        environment = child_environment(
            NAGARE_ALERTS__RULES=str(folder / "rules"), NAGARE_ALERTS__NOTIFY_FILE=str(folder / "notify.toml")
        )
        with serving(folder / "data", environment=environment) as server:
            waits = _waits(server, hook)
    what = f"a rule every {EVERY_SECONDS:.0f} s, group_wait 0 s, {COUNT} samples"
    return Section(
        "From a sample to a webhook",
        "Time from the moment before a sample is sent until a local webhook has the message; the shipped rules are judged beside.",
        [
            Row(f"{what}: half of the messages", statistics.median(waits), "s"),
            Row(f"{what}: the slowest", max(waits), "s", promise=EVERY_SECONDS + 1),
        ],
    )
