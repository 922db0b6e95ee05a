"""A webhook on loopback that keeps what it hears."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hook:
    """A webhook that keeps what it hears, and is busy every ``busy_every``th time; 0 for never.

    ``heard`` has for each message its moment by the monotonic clock (s), its idempotency key and its body.
    """

    def __init__(self, busy_every: int = 0) -> None:
        self.heard: list[tuple[float, str, dict[str, Any]]] = []
        self._busy_every = busy_every
        self._count = 0
        self._lock = threading.Lock()

    def take(self, key: str, body: dict[str, Any]) -> int:
        """Keep a message, and return the status."""
        with self._lock:
            self._count += 1
            if self._busy_every and self._count % self._busy_every == 0:
                return 503
            self.heard.append((time.monotonic(), key, body))
            return 200

    def told(self, status: str) -> set[str]:
        """Return the names of alerts that were told with that status."""
        return {
            one["labels"]["alertname"] for _, _, body in self.heard for one in body["alerts"] if one["status"] == status
        }


@contextmanager
def listening(hook: Hook) -> Iterator[str]:
    """Yield the address of ``hook``."""

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
