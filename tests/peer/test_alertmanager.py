"""The real Alertmanager tells us of groups by its webhook: mixed, large, again and again, and while we were down."""

import json
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.peers import Peer, alertmanager, free_port
from tests.support.processes import RunningServer, nagare_argv, started, wait_for_server, wait_until


def _config(port: int, data: Path) -> dict[str, Any]:
    hook = {
        "url": f"http://127.0.0.1:{port}/api/v1/webhooks/alertmanager", "send_resolved": True,
        "http_config": {"authorization": {"credentials_file": str(data / "run" / "token")}},
    }  # fmt: skip
    times = {"group_wait": "1s", "group_interval": "2s", "repeat_interval": "5s"}
    return {
        "route": {"receiver": "nagare", "group_by": ["alertname"], **times},
        "receivers": [{"name": "nagare", "webhook_configs": [hook]}],
    }


def _tell(peer: Peer, names: Iterable[str], *, over: bool = False) -> None:
    now = datetime.now(UTC)
    alerts = [
        {
            "labels": {"alertname": "Part", "part": name, "severity": "critical"},
            "startsAt": (now - timedelta(minutes=1)).isoformat(),
            "endsAt": (now - timedelta(seconds=1) if over else now + timedelta(hours=1)).isoformat(),
        }
        for name in names
    ]
    request = urllib.request.Request(
        f"{peer.url}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30):
        pass


def _theirs(peer: Peer) -> set[str]:
    return {alert["labels"]["part"] for alert in json.loads(peer.get("/api/v2/alerts", active="true"))}


def _ours(server: RunningServer) -> set[str]:
    found = server.sql("select labels['part'] from alerts where state in ('firing', 're-opened')")
    names = [row[0] for row in found]
    assert len(names) == len(set(names)), "one is there twice"
    return set(names)


def test_groups_agree_also_after_we_were_down(tmp_path: Path, program: Any) -> None:
    port, data = free_port(), tmp_path / "data"
    argv = nagare_argv("--data", data, "serve", "--listen", f"127.0.0.1:{port}")
    parts = [f"p{number}" for number in range(500)]
    with started(argv) as first:
        server = wait_for_server(first, data, pid=first.pid)
        with alertmanager(program("alertmanager"), tmp_path / "alertmanager", _config(port, data)) as peer:
            _tell(peer, parts)
            wait_until(lambda: len(_ours(server)) == 500, "the whole group", first)
            _tell(peer, parts[:100], over=True)
            wait_until(lambda: _ours(server) == set(parts[100:]), "the ends", first)
            assert _theirs(peer) == set(parts[100:])
            first.kill()
            _tell(peer, parts[100:200], over=True)
            _tell(peer, ["late"])
            with started(argv) as second:
                server = wait_for_server(second, data, pid=second.pid)
                wait_until(lambda: _ours(server) == {*parts[200:], "late"}, "what happened meanwhile", second)
                assert _theirs(peer) == _ours(server)
                # It repeats itself every few seconds: nothing comes twice of that.
                turns = "select count(*) from events where kind = 'alert.firing'"
                wait_until(lambda: server.sql(turns) == [[501]], "one word of each", second)
