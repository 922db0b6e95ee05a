"""Our server behind a real browser, which holds doors open that no HTTP client does."""

import http.server
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import RunningServer

# A page of somebody else tries what a browser lets it try against a server on its reader's own machine, and tells its own site.
HOSTILE_PAGE = """<!doctype html><title>hostile</title><script>
const log = [];
const target = "TARGET";
const reads = ["/", "/health", "/api/v1/status"].map((path) =>
  fetch(target + path).then((answer) => log.push("read " + path), () => log.push("refused " + path)));
const writes = ["/api/v1/events", "/api/v1/sql"].map((path) =>
  fetch(target + path, { method: "POST", mode: "no-cors", body: "{}", headers: { "Content-Type": "text/plain" } })
    .then((answer) => log.push((answer.type === "opaque" ? "opaque " : "read ") + path), () => log.push("refused " + path)));
const live = new Promise((done) => {
  const socket = new WebSocket(target.replace("http", "ws") + "/ws/dashboard");
  socket.onopen = () => { log.push("live open"); done() };
  socket.onerror = () => { log.push("live refused"); done() };
});
Promise.all([...reads, ...writes, live]).then(() => fetch("/told", { method: "POST", body: log.join("\\n") }));
</script>"""
# No sandbox: test machines often run as root in a container, where Chromium's own cannot start.
SWITCHES = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PATIENCE_S = 100


def _dom(browser: str, url: str, profile: Path) -> str:
    argv = [browser, *SWITCHES, f"--user-data-dir={profile}", "--dump-dom", url]
    shown = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


@contextmanager
def _opened(browser: str, url: str, profile: Path) -> Iterator[None]:
    # Dumping the page would end it by the browser's virtual clock, which does not wait for a WebSocket's handshake.
    argv = [browser, *SWITCHES, f"--user-data-dir={profile}", url]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as shown:
        try:
            yield
        finally:
            shown.terminate()


@contextmanager
def _site(page: str) -> Iterator[tuple[str, queue.Queue[str]]]:
    """The address of a site with one page, and what its page told it."""
    told: queue.Queue[str] = queue.Queue()

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(page.encode() if self.path == "/" else b"")

        def do_POST(self) -> None:
            told.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{site.server_port}", told
        finally:
            site.shutdown()
            thread.join()


def test_the_front_page_opens(running_server: RunningServer, program: Callable[[str], str], tmp_path: Path) -> None:
    page = _dom(program("chromium"), running_server.url + "/", tmp_path / "profile")
    assert "nagare" in page
    assert running_server.token not in page


def test_what_needs_credentials_says_so(
    running_server: RunningServer, program: Callable[[str], str], tmp_path: Path
) -> None:
    page = _dom(program("chromium"), running_server.url + "/api/v1/hosts", tmp_path / "profile")
    assert "unauthenticated" in page


def test_a_page_of_somebody_else_reads_nothing_and_opens_no_live_connection(
    running_server: RunningServer, program: Callable[[str], str], tmp_path: Path
) -> None:
    page = HOSTILE_PAGE.replace("TARGET", running_server.url)
    with _site(page) as (site, told), _opened(program("chromium"), site + "/", tmp_path / "profile"):
        log = told.get(timeout=PATIENCE_S).split("\n")
    assert sorted(log) == [
        "live refused", "opaque /api/v1/events", "opaque /api/v1/sql",
        "refused /", "refused /api/v1/status", "refused /health",
    ]  # fmt: skip
    assert running_server.sql("select count(*) from events where kind = 'note'") == [[0]]
