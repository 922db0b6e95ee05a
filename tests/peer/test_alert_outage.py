"""A real Prometheus, a real Alertmanager, and we are down for a while: a group of 500, ends and begins that nobody heard, and then one state.

The short form is down for some seconds; ``make soak`` has the two minutes.
"""

import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from tests.support.hook import Hook, listening
from tests.support.peers import Peer, alertmanager, free_port, prometheus
from tests.support.processes import (
    Process,
    RunningServer,
    child_environment,
    nagare_argv,
    started,
    wait_for_server,
    wait_until,
)

COUNT = 500
DOWN_SECONDS = [6, pytest.param(120, marks=pytest.mark.soak)]
RULE = {"alert": "Broken", "expr": "broken > 0", "labels": {"severity": "critical"}}
ROUTES = """
[route]
receiver = "ops"
group_by = ["alertname"]
group_wait = "1s"
group_interval = "1s"

[[receiver]]
name = "ops"
[[receiver.channel]]
kind = "webhook"
url = "URL"
per_minute = 600
"""


class Parts:
    """An exporter of parts that break and are mended."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._gauge = Gauge("broken", "Whether a part is broken.", ["part"], registry=registry)
        self.server, self.thread = start_http_server(0, "127.0.0.1", registry)
        self.broken: set[str] = set()
        self.begins: Counter[str] = Counter()

    def set(self, part: str, *, is_broken: bool) -> None:
        """Break a part, or mend it."""
        self._gauge.labels(part).set(int(is_broken))
        if is_broken:
            self.begins[part] += part not in self.broken
            self.broken.add(part)
        else:
            self.broken.discard(part)

    def close(self) -> None:
        """End the exporter."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def _prometheus_config(rules: Path, parts: Parts, manager: Peer) -> dict[str, Any]:
    rules.write_text(json.dumps({"groups": [{"name": "parts", "rules": [RULE]}]}))
    targets = [f"127.0.0.1:{parts.server.server_port}"]
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "parts", "static_configs": [{"targets": targets}]}],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [manager.url.removeprefix("http://")]}]}]},
    }


def _manager_config(port: int, data: Path) -> dict[str, Any]:
    hook = {
        "url": f"http://127.0.0.1:{port}/api/v1/webhooks/alertmanager", "send_resolved": True,
        "http_config": {"authorization": {"credentials_file": str(data / "run" / "token")}},
    }  # fmt: skip
    times = {"group_wait": "1s", "group_interval": "2s", "repeat_interval": "10s"}
    return {
        "route": {"receiver": "nagare", "group_by": ["alertname"], **times},
        "receivers": [{"name": "nagare", "webhook_configs": [hook]}],
    }


def _ours(server: RunningServer) -> set[str]:
    found = [row[0] for row in server.sql("select labels['part'] from alerts where state in ('firing', 're-opened')")]
    assert len(found) == len(set(found)), "one is there twice"
    return set(found)


def _theirs(manager: Peer) -> set[str]:
    return {alert["labels"]["part"] for alert in json.loads(manager.get("/api/v2/alerts", active="true"))}


def _meanwhile(parts: Parts, seconds: float, process: Process) -> None:
    """Mend and break one part after the other, until the time is over and Prometheus has seen the last."""
    pace, until = threading.Event(), time.monotonic() + seconds
    number = 0
    while time.monotonic() < until:
        parts.set(f"p{number % 100}", is_broken=False)
        parts.set(f"late{number % 50}", is_broken=number % 3 != 0)
        number += 1
        pace.wait(0.25)
    assert process.is_running


def _believed(server: RunningServer) -> list[list[Any]]:
    """Return for each open incident how many alerts people believe to fire, after all messages that went out."""
    wait = "select count(*) from notifications where state = 'waiting'"
    return server.sql("select firing from incidents where ended_ms is null") if server.sql(wait) == [[0]] else []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seconds", DOWN_SECONDS)
def test_one_state_after_we_were_down(seconds: float, tmp_path: Path, program: Any) -> None:
    parts, port, data, hook = Parts(), free_port(), tmp_path / "data", Hook()
    for number in range(COUNT):
        parts.set(f"p{number}", is_broken=True)
    argv = nagare_argv("--data", data, "serve", "--listen", f"127.0.0.1:{port}")
    try:
        with (
            listening(hook) as url,
            alertmanager(program("alertmanager"), tmp_path / "am", _manager_config(port, data)) as manager,
        ):
            (tmp_path / "notify.toml").write_text(ROUTES.replace("URL", url))
            environment = child_environment(
                NAGARE_ALERTS__NOTIFY_FILE=str(tmp_path / "notify.toml"), NAGARE_ALERTS__SHIPPED="false"
            )
            config = _prometheus_config(tmp_path / "rules.yml", parts, manager)
            often = ("--rules.alert.resend-delay=2s",)
            with prometheus(program("prometheus"), tmp_path / "prometheus", config, often) as peer:
                with started(argv, environment=environment) as first:
                    server = wait_for_server(first, data, pid=first.pid)
                    wait_until(lambda: len(_ours(server)) == COUNT, "the whole group", first)
                    # A message that is out and not yet known to be is sent again, under its key: that is another test's.
                    wait_until(lambda: hook.heard and _believed(server) == [[COUNT]], "messages of it", first)
                    first.kill()
                _meanwhile(parts, seconds, peer.process)
                wait_until(lambda: _theirs(manager) == parts.broken, "their state", manager.process)
                with started(argv, environment=environment) as second:
                    server = wait_for_server(second, data, pid=second.pid)
                    wait_until(lambda: _ours(server) == _theirs(manager) == parts.broken, "one state", second)
                    wait_until(lambda: _believed(server) == [[len(parts.broken)]], "messages of it", second)
                    _agrees(server, parts, hook)
    finally:
        parts.close()


def _agrees(server: RunningServer, parts: Parts, hook: Hook) -> None:
    """Check that nothing began twice here, and that no message came twice."""
    begins = dict(server.sql("select labels['part'], count(*) from alerts where state <> 'closed' group by 1"))
    assert set(begins.values()) == {1}
    assert set(begins) >= parts.broken
    turns = server.sql("select count(*) from events where kind = 'alert.firing'")[0][0]
    assert turns <= sum(parts.begins.values())
    assert len({key for _, key, _ in hook.heard}) == len(hook.heard)
    assert server.sql("select count(*) from notifications where state <> 'sent'") == [[0]]
    last = hook.heard[-1][2]
    assert len(last["alerts"]) + last["truncatedAlerts"] >= len(parts.broken)
