"""kill -9 of a server that tells people, at random moments: a webhook hears of every alert and of its end, and knows repeats."""

import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.processes import RunningServer, child_environment, serving, wait_until

_COUNT, _ROUNDS = 24, 3
ROUTES = """
[route]
receiver = "ops"
group_by = ["alertname"]
group_wait = "0s"
group_interval = "1s"

[[receiver]]
name = "ops"
[[receiver.channel]]
kind = "webhook"
url = "URL"
per_minute = 600
"""


class Hook:
    """A webhook that keeps what it hears, and is busy every third time."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str, dict[str, Any]]] = []
        self._count = 0
        self._lock = threading.Lock()

    def take(self, key: str, body: dict[str, Any]) -> int:
        """Keep a message, and return the status."""
        with self._lock:
            self._count += 1
            if self._count % 3 == 0:
                return 503
            self.heard.append((time.monotonic(), key, body))
            return 200

    def told(self, status: str) -> set[str]:
        """Return the names of alerts that were told with that status."""
        return {
            one["labels"]["alertname"] for _, _, body in self.heard for one in body["alerts"] if one["status"] == status
        }


@contextmanager
def _listening(hook: Hook) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(hook.take(self.headers["Idempotency-Key"], body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def _send(server: RunningServer, names: list[str], *, is_over: bool = False) -> None:
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    ends = {"endsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} if is_over else {}
    server.request("/api/v2/alerts", [{"labels": {"alertname": name}, "startsAt": began, **ends} for name in names])


def test_kills_lose_no_message_and_a_repeat_is_known(tmp_path: Path) -> None:
    chance, hook, data = random.Random(20261126), Hook(), tmp_path / "data"
    names = [f"Far{number}" for number in range(_COUNT)]
    with _listening(hook) as url:
        (tmp_path / "notify.toml").write_text(ROUTES.replace("URL", url))
        environment = child_environment(
            NAGARE_ALERTS__NOTIFY_FILE=str(tmp_path / "notify.toml"), NAGARE_ALERTS__SHIPPED="false"
        )
        environment.pop("COVERAGE_PROCESS_CONFIG", None)
        for place in range(_ROUNDS):
            with serving(data, environment=environment) as server:
                piece = names[place * _COUNT // _ROUNDS : (place + 1) * _COUNT // _ROUNDS]
                _send(server, piece)
                enough = len(hook.heard) + chance.randrange(1, len(piece))
                wait_until(lambda enough=enough: len(hook.heard) >= enough, "messages", server.process)
                server.process.kill()
        with serving(data, environment=environment) as server:
            wait_until(lambda: hook.told("firing") == set(names), "every alert", server.process)
            _send(server, names, is_over=True)
            wait_until(lambda: len(hook.told("resolved")) > _COUNT // 3, "some ends", server.process)
            server.process.kill()
        with serving(data, environment=environment) as server:
            wait_until(lambda: hook.told("resolved") == set(names), "every end", server.process)
            _agrees(server, hook)


def _agrees(server: RunningServer, hook: Hook) -> None:
    """Check that the records say what the webhook heard, and that nothing was said under two ids."""
    quiet = "SELECT count(*) FROM notifications WHERE state <> 'sent'"
    wait_until(lambda: server.sql(quiet) == [[0]], "an empty outbox", server.process)
    kept = {str(row[0]) for row in server.sql("SELECT id FROM notifications")}
    assert {key for _, key, _ in hook.heard} == kept
    assert len(kept) == 2 * _COUNT
    said: defaultdict[str, set[str]] = defaultdict(set)
    for _, key, body in hook.heard:
        said[key].add(json.dumps(body, sort_keys=True))
    assert {len(bodies) for bodies in said.values()} == {1}
    assert server.sql("SELECT count(*) FROM incidents WHERE ended_ms IS NULL") == [[0]]
