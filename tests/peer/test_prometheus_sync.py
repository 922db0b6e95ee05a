"""The real Prometheus is asked for its alerts: what it never sent is taken in, and what it has no more ends."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from nagare.alerting.foreign import asking, syncing
from nagare.config.settings import AlertSettings
from tests.component.server.conftest import Api, Serve
from tests.component.server.loop_thread import LoopThread
from tests.support.peers import Peer, prometheus
from tests.support.processes import wait_until

_RULES = {
    "groups": [
        {
            "name": "site",
            "rules": [
                {"alert": "Broken", "expr": "broken > 0", "labels": {"severity": "page"}},
                {"alert": "Slow", "expr": "broken > 0", "for": "1h"},
            ],
        }
    ]
}  # fmt: skip


class Ours:
    """A server on a loop of its own, so that a test of other programs may wait."""

    def __init__(self, tmp_path: Path, rules: Path) -> None:
        self._thread = LoopThread()
        self._served = Serve(tmp_path / "data")(sections={"alerts": AlertSettings(rules=rules)})
        self.api: Api = self._run(self._served.__aenter__())

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._thread.loop).result(60)

    def alerts(self, state: str = "") -> list[dict[str, Any]]:
        """Return the alerts of Prometheus."""
        found = self._run(self.api.call("GET", f"/api/v1/alerts?limit=500&state={state}")).json["alerts"]
        return [one for one in found if one["source"] == "prometheus"]

    def cause(self, alert_id: str) -> str:
        """Return why an alert turned last."""
        turns = self._run(self.api.call("GET", f"/api/v1/alerts/{alert_id}")).json["turns"]
        return str(turns[-1]["cause"])

    def close(self) -> None:
        self._run(self._served.__aexit__(None, None, None))
        self._thread.close()


def test_its_alerts_come_and_go_though_it_sends_none(
    tmp_path: Path, program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What takes minutes, so that nobody mistakes what is on its way, takes seconds here.
    monkeypatch.setattr(asking, "YOUNG_MS", 0)
    monkeypatch.setattr(syncing, "SETTLED_MS", 1_000)
    registry = CollectorRegistry()
    broken = Gauge("broken", "Whether a part is broken.", ["part"], registry=registry)
    for number in range(40):
        broken.labels(f"p{number}").set(1)
    exporter, thread = start_http_server(0, "127.0.0.1", registry)
    (tmp_path / "rules.yml").write_text(json.dumps(_RULES))
    targets = [{"targets": [f"127.0.0.1:{exporter.server_port}"]}]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s", "external_labels": {"site": "a"}},
        "rule_files": [str(tmp_path / "rules.yml")],
        "scrape_configs": [{"job_name": "parts", "static_configs": targets}],
    }
    (folder := tmp_path / "rules").mkdir()
    try:
        with prometheus(program("prometheus"), tmp_path / "prometheus", config) as peer:
            (folder / "p.toml").write_text(
                f'[[prometheus]]\nname = "p"\nurl = "{peer.url}"\nevery = "10s"\nlabels = {{ site = "a" }}\n'
            )
            ours = Ours(tmp_path, folder)
            try:
                _come_and_go(ours, peer, broken)
            finally:
                ours.close()
    finally:
        exporter.shutdown()
        exporter.server_close()
        thread.join()


def _come_and_go(ours: Ours, peer: Peer, broken: Gauge) -> None:
    wait_until(lambda: len(ours.alerts()) == 40, "its alerts", peer.process)
    assert {one["labels"]["alertname"] for one in ours.alerts()} == {"Broken"}
    assert {one["labels"]["site"] for one in ours.alerts()} == {"a"}
    for number in range(10):
        broken.labels(f"p{number}").set(0)
    wait_until(lambda: len(ours.alerts("resolved")) == 10, "their ends", peer.process)
    over = ours.alerts("resolved")
    assert {one["labels"]["part"] for one in over} == {f"p{number}" for number in range(10)}
    assert ours.cause(over[0]["id"]) == "p has it no more"
    peer.process.kill()
    standing = ours.api.services.alerts.syncing.standings["prometheus"]
    wait_until(lambda: standing.fails >= syncing.FAILS, "looks that fail")
    # Their outage ends nothing.
    assert len(ours.alerts("firing")) == 30
