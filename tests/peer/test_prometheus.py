"""Our ``/metrics`` as the real Prometheus reads it."""

import json
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.processes import Process, RunningServer, started, wait_until


def _metrics(server: RunningServer, path: str = "/metrics", accept: str = "text/plain") -> str:
    request = urllib.request.Request(
        server.url + path, headers={"Authorization": f"Bearer {server.token}", "Accept": accept}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


def test_promtool_finds_nothing_to_mend(running_server: RunningServer, program: Callable[[str], str]) -> None:
    text = _metrics(running_server)
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def free_port() -> int:
    """Return a port that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _prometheus(binary: str, folder: Path, server: RunningServer, scheme_path: str) -> Iterator[tuple[Process, str]]:
    token = folder / "token"
    token.write_text(server.token)
    config = folder / "prometheus.yml"
    target = urllib.parse.urlsplit(server.url).netloc
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                "scrape_configs": [
                    {
                        "job_name": "nagare",
                        "metrics_path": scheme_path,
                        "authorization": {"credentials_file": str(token)},
                        "static_configs": [{"targets": [target]}],
                    }
                ],
            }
        )
    )
    port = free_port()
    argv = [
        binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]  # fmt: skip
    with started(argv) as process:
        yield process, f"http://127.0.0.1:{port}"


def _ask(url: str, query: str) -> list[dict[str, Any]]:
    try:
        with urllib.request.urlopen(
            f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}", timeout=5
        ) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found
    except OSError:
        return []


def test_prometheus_scrapes_us_and_reads_what_we_wrote(
    running_server: RunningServer, running_agent: Process, program: Callable[[str], str], tmp_path: Path
) -> None:
    with _prometheus(program("prometheus"), tmp_path, running_server, "/metrics") as (process, url):

        def is_up() -> bool:
            return any(sample["value"][1] == "1" for sample in _ask(url, 'up{job="nagare"}'))

        wait_until(is_up, "a good scrape", process)
        ours = {
            line.split("{")[0].split()[0] for line in _metrics(running_server).splitlines() if not line.startswith("#")
        }
        theirs = {sample["metric"]["__name__"] for sample in _ask(url, '{job="nagare"}')}
        assert {name for name in ours if name.startswith("nagare_")} <= theirs
        assert all(name.startswith(("nagare_", "process_", "python_")) for name in ours)
