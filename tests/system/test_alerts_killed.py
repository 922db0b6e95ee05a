"""kill -9 of a server that judges rules and takes alerts of others, and a restore elsewhere: no alert is lost, none is there twice."""

import http.client
import random
import threading
import time
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nagare.cli.main import main
from tests.support.processes import RunningServer, child_environment, serving, wait_until

_JUDGED, _SENT = 30, 150
RULES = f"""
[[rule]]
name = "Full"
sql = "SELECT 'web' || i AS host, i / 100 AS value FROM range(100, {100 + _JUDGED}) AS t(i)"
every = "5s"
fires = "> 0.95"
severity = "high"
"""


class Sending:
    """Sends foreign alerts, each with a number, until the server is gone; knows which were taken."""

    def __init__(self) -> None:
        self.taken: set[int] = set()
        self.sent = 0
        self._began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._stop = threading.Event()

    def run(self, server: RunningServer) -> None:
        self._stop.clear()
        # As senders do: what nobody answered is sent again, and what somebody did, too.
        waiting = list(range(self.sent))
        while not self._stop.is_set():
            if not waiting:
                waiting = list(range(self.sent, self.sent + 5)) if self.sent < _SENT else list(range(_SENT))
            piece, waiting = waiting[:5], waiting[5:]
            self.sent = max(self.sent, piece[-1] + 1)
            alerts = [{"labels": {"alertname": "Far", "n": str(n)}, "startsAt": self._began} for n in piece]
            try:
                server.request("/api/v2/alerts", alerts)
            except urllib.error.HTTPError:
                # Too much for now: once more.
                waiting = piece + waiting
                continue
            except (http.client.HTTPException, OSError, ValueError):
                return
            self.taken.update(piece)

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def _serving(root: Path, data: Path) -> Iterator[RunningServer]:
    (root / "rules").mkdir(exist_ok=True)
    (root / "rules" / "own.toml").write_text(RULES)
    environment = child_environment(NAGARE_ALERTS__RULES=str(root / "rules"), NAGARE_ALERTS__SHIPPED="false")
    # A process that is killed tells coverage nothing.
    environment.pop("COVERAGE_PROCESS_CONFIG", None)
    with serving(data, environment=environment) as found:
        yield found


def _alerts(server: RunningServer) -> dict[str, int]:
    """Return how many alerts there are of each thing."""
    rows = server.sql("SELECT coalesce(host, labels['n']), count(*) FROM alerts GROUP BY 1")
    return {str(name): int(count) for name, count in rows}


def _fired(server: RunningServer) -> dict[str, int]:
    """Return how many events tell that it fires, of each alert."""
    rows = server.sql("SELECT attributes['alert'], count(*) FROM events WHERE kind = 'alert.firing' GROUP BY 1")
    return {str(name): int(count) for name, count in rows}


def test_kills_lose_no_alert_and_double_none(tmp_path: Path) -> None:
    chance, data, sending = random.Random(20261126), tmp_path / "data", Sending()
    for is_first in (True, False):
        with _serving(tmp_path, data) as server, ThreadPoolExecutor(1) as pool:
            enough = min(len(sending.taken) + chance.randrange(20, 60), _SENT)
            running = pool.submit(sending.run, server)
            wait_until(lambda enough=enough: len(sending.taken) >= enough, "taken alerts", server.process)
            if not is_first:
                # This one dies while events of what was judged are on their way.
                wait_until(lambda: "web100" in _alerts(server), "a judged rule", server.process)
            server.process.kill()
            running.result()
    with _serving(tmp_path, data) as server, ThreadPoolExecutor(1) as pool:
        running = pool.submit(sending.run, server)
        judged = {f"web{100 + place}" for place in range(_JUDGED)}
        wait_until(lambda: len(sending.taken) == _SENT, "all alerts again", server.process)
        sending.stop()
        running.result()
        expected = judged | {str(n) for n in range(_SENT)}
        wait_until(lambda: expected <= _alerts(server).keys(), "every alert", server.process)
        assert _alerts(server) == dict.fromkeys(expected, 1)
        ids = {str(row[0]) for row in server.sql("SELECT id FROM alerts")}
        wait_until(lambda: ids <= _fired(server).keys(), "every event", server.process)
        assert _fired(server) == dict.fromkeys(ids, 1)


def _kept(server: RunningServer, id_: str) -> Any:
    """Return an alert with its turns; whoever tells people goes on meanwhile, so its incidents are of the moment."""
    found = server.request(f"/api/v1/alerts/{id_}")
    return {name: value for name, value in found.items() if name != "incidents"}


def test_a_backup_keeps_alerts_their_turns_and_silences(tmp_path: Path) -> None:
    data, restored, file = tmp_path / "data", tmp_path / "restored", tmp_path / "a.tar"
    with _serving(tmp_path, data) as server:
        server.request(
            "/api/v2/alerts", [{"labels": {"alertname": "Far", "n": "1"}, "startsAt": "2026-01-01T00:00:00Z"}]
        )
        (far,) = server.request("/api/v1/alerts")["alerts"]
        server.request(f"/api/v1/alerts/{far['id']}/ack", {"text": "mine"})
        asked = {"matchers": ["n=1"], "reason": "new disks", "lasts_seconds": 3600}
        silence = server.request("/api/v1/silences", asked)
        expected = _kept(server, far["id"])
        assert main(["--data", str(data), "backup", str(file)]) == 0
        # What happens after it is not in it.
        server.request(f"/api/v1/alerts/{far['id']}/resolve", {"text": "done"})
    assert main(["--data", str(restored), "restore", str(file)]) == 0
    with _serving(tmp_path, restored) as server:
        assert _kept(server, far["id"]) == expected
        assert expected["alert"]["silenced_by"] == [silence["id"]]
        (again,) = server.request("/api/v1/silences")["silences"]
        assert again == silence
        # It goes on from there, and is told.
        server.request(f"/api/v1/alerts/{far['id']}/resolve", {"text": "done again"})
        ended = "SELECT count(*) FROM events WHERE kind = 'alert.resolved' AND attributes['cause'] = 'done again'"
        wait_until(lambda: server.sql(ended) == [[1]], "the event", server.process)
