"""One exporter scraped by the real Prometheus and by us: the same series, values and ends."""

import json
import math
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.peer.test_prometheus import free_port
from tests.support.processes import RunningServer, serving, started, wait_until

Found = dict[tuple[str, frozenset[tuple[str, str]]], float]
# Their values are of the moment of each scrape.
_OF_THE_MOMENT = {"scrape_duration_seconds", "scrape_series_added"}


@dataclass
class Page:
    """What the exporter answers."""

    text: str = ""
    status: int = 200


@contextmanager
def _exporter(page: Page) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page.text.encode()
            self.send_response(page.status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextmanager
def _prometheus(binary: str, folder: Path, target: str, job: dict[str, Any]) -> Iterator[str]:
    config = folder / "prometheus.yml"
    scrape = {"job_name": "same", "static_configs": [{"targets": [target], "labels": {"site": "b"}}], **job}
    config.write_text(
        json.dumps({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [scrape]})
    )
    port = free_port()
    argv = [
        binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]  # fmt: skip
    with started(argv):
        yield f"http://127.0.0.1:{port}"


def _theirs(url: str) -> Found:
    query = urllib.parse.urlencode({"query": '{site="b"}'})
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=5) as answer:
            result = json.load(answer)["data"]["result"]
    except OSError:
        return {}
    return _keyed((each["metric"].pop("__name__"), each["metric"], float(each["value"][1])) for each in result)


def _ours(server: RunningServer) -> Found:
    rows = server.sql(
        "select name, labels, value::varchar from samples_last where value is not null and labels['site'] = 'b'"
    )
    return _keyed((name, labels, float(value)) for name, labels, value in rows)


def _keyed(rows: Iterator[tuple[str, dict[str, str], float]]) -> Found:
    # A NaN equals nothing, so it is told as a number that no page has.
    return {
        (name, frozenset(labels.items())): 0.0 if name in _OF_THE_MOMENT else -4.5e9 if math.isnan(value) else value
        for name, labels, value in rows
    }


def _page(*more: str) -> str:
    minute_ago = int(time.time() * 1000) - 60_000
    return "\n".join(
        [
            "# HELP jobs_total Jobs.",
            "# TYPE jobs_total counter",
            r'jobs_total{job="inner",queue="a\"b\\c\nd",empty=""} 3',
            'room_celsius{instance="inside",room="é"} 21.5',
            'pushed{instance="",job="batch"} 1',
            f"measured_then 3.25 {minute_ago}",
            'wait_seconds_bucket{le="0.5"} 1',
            'wait_seconds_bucket{le="+Inf"} 2',
            "wait_seconds_sum 0.75",
            "wait_seconds_count 2",
            "not_known NaN",
            "endless +Inf",
            "small 1e-300",
            *more,
            "",
        ]
    )


def _same_at_each_step(program: Callable[[str], str], folder: Path, ours: str, theirs: dict[str, Any]) -> None:
    page = Page(_page("go_vanishing 1"))
    config = folder / "nagare.toml"
    with _exporter(page) as target, _prometheus(program("prometheus"), folder, target, theirs) as url:
        config.write_text(
            f'[[scrape]]\njob = "same"\nurls = ["http://{target}/metrics"]\nlabels = {{ site = "b" }}\n'
            f"interval_seconds = 1\ntimeout_seconds = 1\n{ours}"
        )
        with serving(folder / "data", "--config", str(config)) as server:

            def agree(holds: Callable[[set[str]], bool]) -> None:
                def look() -> bool:
                    found, expected = _ours(server), _theirs(url)
                    return found == expected and holds({name for name, _ in found})

                wait_until(look, f"agreement; ours {_ours(server)}, theirs {_theirs(url)}", server.process)

            agree(lambda names: {"jobs_total", "up", "not_known"} <= names)
            page.text = _page()
            agree(lambda names: "go_vanishing" not in names and "jobs_total" in names)
            page.status = 500
            # What carries its own time has no end.
            agree(lambda names: "jobs_total" not in names and "measured_then" in names and "up" in names)
            page.status = 200
            agree(lambda names: "jobs_total" in names)


def test_prometheus_and_we_see_the_same_series(program: Callable[[str], str], tmp_path: Path) -> None:
    _same_at_each_step(program, tmp_path, "", {})


def test_the_same_with_labels_of_the_page_honoured_and_metrics_left_out(
    program: Callable[[str], str], tmp_path: Path
) -> None:
    dropped = [{"source_labels": ["__name__"], "regex": "go_.*|small", "action": "drop"}]
    _same_at_each_step(
        program,
        tmp_path,
        'honor_labels = true\ndrop = ["go_.*", "small"]\n',
        {"honor_labels": True, "metric_relabel_configs": dropped},
    )
