"""The real Prometheus tells us of its alerts, with no Alertmanager between: our state is its own, also after we were down."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from tests.support.peers import Peer, free_port, prometheus
from tests.support.processes import RunningServer, nagare_argv, started, wait_for_server, wait_until

_RULES = {
    "groups": [
        {
            "name": "site",
            "rules": [
                {"alert": "Broken", "expr": "broken > 0", "labels": {"severity": "page"}, "annotations": {"summary": "{{ $value }}"}},
                {"alert": "Always", "expr": "vector(1)", "labels": {"severity": "info"}},
            ],
        }
    ]
}  # fmt: skip


def _theirs(peer: Peer) -> set[str]:
    return {
        alert["labels"]["alertname"] + alert["labels"].get("part", "")
        for alert in json.loads(peer.get("/api/v1/alerts"))["data"]["alerts"]
    }


def _ours(server: RunningServer) -> list[str]:
    request = urllib.request.Request(f"{server.url}/api/v1/alerts?state=active&limit=500")
    request.add_header("Authorization", f"Bearer {server.token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: list[dict[str, Any]] = json.load(answer)["alerts"]
    return sorted(alert["name"] + alert["labels"].get("part", "") for alert in found)


def _config(rules: Path, exporter: int, port: int, data: Path) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "parts", "static_configs": [{"targets": [f"127.0.0.1:{exporter}"]}]}],
        "alerting": {"alertmanagers": [{
            "static_configs": [{"targets": [f"127.0.0.1:{port}"]}], "authorization": {"credentials_file": str(data / "run" / "token")},
        }]},
    }  # fmt: skip


def _exporter() -> tuple[Gauge, Any, Any]:
    registry = CollectorRegistry()
    broken = Gauge("broken", "Whether a part is broken.", ["part"], registry=registry)
    for number in range(40):
        broken.labels(f"p{number}").set(1)
    return (broken, *start_http_server(0, "127.0.0.1", registry))


def test_alerts_agree_after_ends_that_came_while_we_were_down(tmp_path: Path, program: Any) -> None:
    broken, exporter, thread = _exporter()
    rules, port, data = tmp_path / "rules.yml", free_port(), tmp_path / "data"
    rules.write_text(json.dumps(_RULES))
    argv = nagare_argv("--data", data, "serve", "--listen", f"127.0.0.1:{port}")
    config = _config(rules, exporter.server_port, port, data)
    # It sends again what goes on, and what ended, every few seconds instead of every minute.
    often = ("--rules.alert.resend-delay=2s",)
    try:
        with started(argv) as first:
            server = wait_for_server(first, data, pid=first.pid)
            with prometheus(program("prometheus"), tmp_path / "prometheus", config, often) as peer:
                wait_until(lambda: len(_ours(server)) == 41, "all alerts", first)
                assert set(_ours(server)) == _theirs(peer)
                broken.labels("p0").set(0)
                wait_until(lambda: "Brokenp0" not in _ours(server), "the first end", first)
                first.kill()
                # Ends, and a begin, that nobody hears.
                for number in range(1, 20):
                    broken.labels(f"p{number}").set(0)
                broken.labels("late").set(1)
                wait_until(lambda: len(_theirs(peer)) == 22, "the alerts there", peer.process)
                with started(argv) as second:
                    server = wait_for_server(second, data, pid=second.pid)
                    wait_until(lambda: set(_ours(server)) == _theirs(peer), "the same state", second)
                    assert len(_ours(server)) == len(set(_ours(server))) == 22
                    doubled = "select count(*) from (select id from alerts where state <> 'closed' group by labels, id having count(*) > 1)"
                    assert server.sql(doubled) == [[0]]
    finally:
        exporter.shutdown()
        exporter.server_close()
        thread.join(10)
