"""Our server behind a real browser, which holds doors open that no HTTP client does."""

import http.server
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.support.processes import RunningServer

# A page of somebody else tries what a browser lets it try against a server on its reader's own machine.
HOSTILE_PAGE = """<!doctype html><title>hostile</title><ul id="log"></ul><script>
const say = (text) => { const line = document.createElement("li"); line.textContent = text; log.append(line) };
const target = "TARGET";
const reads = ["/", "/health", "/api/v1/status"].map((path) =>
  fetch(target + path).then((answer) => say("read " + path), () => say("refused " + path)));
const writes = ["/api/v1/events", "/api/v1/sql"].map((path) =>
  fetch(target + path, { method: "POST", mode: "no-cors", body: "{}", headers: { "Content-Type": "text/plain" } })
    .then(async (answer) => say((answer.type === "opaque" ? "opaque " : "read ") + path), () => say("refused " + path)));
const live = new Promise((done) => {
  const socket = new WebSocket(target.replace("http", "ws") + "/ws/dashboard");
  socket.onopen = () => { say("live open"); done() };
  socket.onerror = () => { say("live refused"); done() };
});
Promise.all([...reads, ...writes, live]).then(() => say("finished"));
</script>"""


def _dom(browser: str, url: str, profile: Path) -> str:
    # No sandbox: test machines often run as root in a container, where Chromium's own cannot start.
    argv = [
        browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
        "--virtual-time-budget=10000", "--dump-dom", url,
    ]  # fmt: skip
    shown = subprocess.run(argv, capture_output=True, text=True, timeout=100, check=False)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


@contextmanager
def _site(folder: Path) -> Iterator[str]:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}"
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
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text(HOSTILE_PAGE.replace("TARGET", running_server.url))
    with _site(folder) as site:
        page = _dom(program("chromium"), site + "/", tmp_path / "profile")
    log = re.findall(r"<li>(.*?)</li>", page)
    assert log[-1:] == ["finished"], page
    assert "live refused" in log
    assert [line for line in log if line.startswith(("read", "live open"))] == []
    assert running_server.sql("select count(*) from events where kind = 'note'") == [[0]]
