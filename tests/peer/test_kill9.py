"""Real senders while our server is killed, again and again: every sample that they sent is there, once, as it was.

The short form runs for half a minute with two kills; ``make soak`` runs for ten minutes.
"""

import http.server
import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader

from tests.support.peers import Peer, free_port, prometheus, vmagent
from tests.support.processes import RunningServer, child_environment, serving, wait_until

SECONDS = [24, pytest.param(600, marks=pytest.mark.soak)]
SERIES = 120
Key = tuple[str, tuple[tuple[str, str], ...]]
Program = Callable[[str], str]
# Flushes meet the kills.
STORAGE = {"NAGARE_STORAGE__FLUSH_SECONDS": "1", "NAGARE_QUERY__ROW_LIMIT": "10000000"}


class Server:
    """One installation at one port that is killed and started again."""

    def __init__(self, data: Path) -> None:
        self.port = free_port()
        self._data = data
        self._stack = ExitStack()
        self.running = self._start()

    @property
    def url(self) -> str:
        """Where it is, now and after a kill."""
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End it as a power cut does, and start it again."""
        self.running.process.kill()
        self._stack.close()
        self.running = self._start()

    def close(self) -> None:
        """Stop it."""
        self._stack.close()

    def _start(self) -> RunningServer:
        listening = serving(self._data, "--listen", f"127.0.0.1:{self.port}", environment=child_environment(**STORAGE))
        return self._stack.enter_context(listening)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server to kill."""
    made = Server(tmp_path / "data")
    yield made
    made.close()


def _kill_twice(server: Server, seconds: float, chance: random.Random) -> None:
    """Let ``seconds`` pass, with kills at two moments of each half minute."""
    begun = time.monotonic()
    moments = sorted(chance.uniform(0.15, 0.8) * 24 + turn * 24 for turn in range(round(seconds / 24)) for _ in "12")
    pause = threading.Event()
    for moment in moments:
        pause.wait(max(0.0, begun + moment - time.monotonic()))
        server.kill()
    pause.wait(max(0.0, begun + seconds - time.monotonic()))


class Fleet(http.server.ThreadingHTTPServer):
    """An exporter whose page changes with each scrape: series n of page p has the value p + n / 8; one comes and goes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.pages = 0
        self.lock = threading.Lock()

    def page(self) -> bytes:
        """Return the next page."""
        with self.lock:
            self.pages += 1
            number = self.pages
        lines = [f'work_total{{n="{n}",kind="k{n % 7}"}} {number + n / 8}' for n in range(SERIES)]
        if number // 10 % 2:
            lines.append(f"now_and_then {number}")
        return "".join(f"{line}\n" for line in lines).encode()


class _Page(http.server.BaseHTTPRequestHandler):
    server: Fleet

    def do_GET(self) -> None:
        """Answer a scrape."""
        body = self.server.page()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def _fleet() -> Iterator[Fleet]:
    with Fleet() as fleet:
        thread = threading.Thread(target=fleet.serve_forever, daemon=True)
        thread.start()
        yield fleet
        fleet.shutdown()
        thread.join()


def _key(name: str, labels: dict[str, str]) -> Key:
    return name, tuple(sorted((label, text) for label, text in labels.items() if label != "__name__"))


def _ours(
    server: Server, where: str, begun_ms: int, until_ms: int
) -> tuple[dict[Key, list[tuple[int, float]]], Counter[Key]]:
    """Return the samples of each series in the order of time, and the number of its stale markers, both in (begun, until]."""
    samples: dict[Key, list[tuple[int, float]]] = {}
    stale: Counter[Key] = Counter()
    # A minute each: an answer has its limit.
    for low in range(begun_ms, until_ms, 60_000):
        time_range = f"ts > make_timestamp_ms({low}) and ts <= make_timestamp_ms({min(until_ms, low + 60_000)})"
        for name, labels, ts, value in server.running.sql(
            f"select name, labels, epoch_ms(ts), value from samples where {where} and {time_range} order by ts"
        ):
            if value is None:
                stale[_key(name, labels)] += 1
            else:
                samples.setdefault(_key(name, labels), []).append((ts, value))
    return samples, stale


def _theirs(peer: Peer, until: float, seconds: float) -> dict[Key, list[tuple[int, float]]]:
    query = '{__name__=~"work_total|now_and_then|up"}' + f"[{round(seconds)}s]"
    found: dict[Key, list[tuple[int, float]]] = {}
    for series in peer.ask(query, time=str(until)):
        metric = series["metric"]
        values = [(round(float(ts) * 1000), float(value)) for ts, value in series["values"]]
        found[_key(metric["__name__"], metric)] = values
    return found


@pytest.mark.parametrize("seconds", SECONDS)
def test_prometheus_loses_nothing(server: Server, program: Program, tmp_path: Path, seconds: int) -> None:
    token = tmp_path / "token"
    token.write_text(server.running.token)
    with _fleet() as fleet:
        config = {
            "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"},
            "scrape_configs": [
                {"job_name": "fleet", "static_configs": [{"targets": [f"127.0.0.1:{fleet.server_port}"]}]}
            ],
            "remote_write": [
                {
                    "url": f"{server.url}/api/v1/write",
                    "authorization": {"credentials_file": str(token)},
                    "queue_config": {"batch_send_deadline": "200ms", "min_backoff": "30ms", "max_backoff": "300ms"},
                }
            ],
        }
        with prometheus(program("prometheus"), tmp_path / "prometheus", config) as peer:
            begun = time.time()
            _kill_twice(server, seconds, random.Random(seconds))
            until = time.time() - 1.0
            theirs = _theirs(peer, until, until - begun)
            where, begun_ms, until_ms = (
                "name in ('work_total', 'now_and_then', 'up')",
                round(begun * 1000),
                round(until * 1000),
            )
            time_range = f"ts > make_timestamp_ms({begun_ms}) and ts <= make_timestamp_ms({until_ms})"

            def has_all() -> bool:
                counted = server.running.sql(f"select count(value) from samples where {where} and {time_range}")
                return bool(counted[0][0] >= sum(map(len, theirs.values())))

            wait_until(has_all, "what waited in Prometheus", peer.process, 60)
            ours, stale = _ours(server, where, begun_ms, until_ms)
    assert len(theirs) == SERIES + 2
    assert ours == theirs
    # It came and went several times, and each time ended with one marker (the last perhaps not yet); the others never went.
    assert {name for name, _ in stale} == {"now_and_then"}
    ((_, passing),) = ((key, values) for key, values in ours.items() if key[0] == "now_and_then")
    visits = len({value // 10 for _, value in passing})
    assert visits > 1
    assert visits - 1 <= sum(stale.values()) <= visits
    assert fleet.pages > seconds * 2


@pytest.mark.parametrize("seconds", SECONDS)
def test_vmagent_loses_nothing(server: Server, program: Program, tmp_path: Path, seconds: int) -> None:
    token = tmp_path / "token"
    token.write_text(server.running.token)
    scrape = tmp_path / "scrape.yml"
    with _fleet() as fleet:
        scrape.write_text(
            json.dumps(
                {
                    "scrape_configs": [
                        {
                            "job_name": "fleet",
                            "scrape_interval": "500ms",
                            "static_configs": [{"targets": [f"127.0.0.1:{fleet.server_port}"]}],
                        }
                    ]
                }
            )
        )
        arguments = [
            f"-promscrape.config={scrape}", f"-remoteWrite.bearerTokenFile={token}", "-remoteWrite.flushInterval=200ms",
        ]  # fmt: skip
        with vmagent(program("vmagent"), tmp_path / "queue", f"{server.url}/api/v1/write", arguments) as peer:
            _kill_twice(server, seconds, random.Random(seconds + 1))
            served = fleet.pages - 1

            def has_all() -> bool:
                found = server.running.sql(
                    "select count(*) from samples where name = 'work_total' and value is not null"
                )
                return bool(found[0][0] >= served * SERIES)

            wait_until(has_all, "what waited in vmagent", peer.process, 60)
            rows = server.running.sql(
                "select labels['n'], value from samples where name = 'work_total' and value is not null"
            )
    pages: dict[str, list[int]] = {}
    for n, value in rows:
        pages.setdefault(n, []).append(round(value - int(n) / 8))
    assert len(pages) == SERIES
    for n, seen in pages.items():
        assert len(seen) == len(set(seen)), f"series {n} has a sample twice"
        assert set(range(1, served + 1)) <= set(seen), f"series {n} lacks {set(range(1, served + 1)) - set(seen)}"


def _post_until_taken(server: Server, path: str, body: bytes, stop: threading.Event) -> bool:
    """Send as Telegraf does: the same lines again and again until they are taken."""
    while not stop.is_set():
        request = urllib.request.Request(
            f"{server.url}{path}", data=body, method="POST", headers={"Authorization": f"Token {server.running.token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bool(answer.status == 204)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise
        except OSError:
            pass
        stop.wait(0.05)
    return False


@pytest.mark.parametrize("seconds", SECONDS)
def test_line_protocol_is_stored_once(server: Server, seconds: int) -> None:
    stop = threading.Event()
    begun_ns = time.time_ns()

    def send(host: int) -> int:
        taken = 0
        while not stop.is_set():
            lines = [
                f"load,host=h{host},part=p{part} value={taken + part / 4},n={taken}i {begun_ns + taken * 1_000_000}"
                for part in range(20)
            ]
            if _post_until_taken(server, "/api/v2/write?bucket=b&org=o&precision=ns", "\n".join(lines).encode(), stop):
                taken += 1
        return taken

    with ThreadPoolExecutor(4) as pool:
        senders = [pool.submit(send, host) for host in range(4)]
        _kill_twice(server, seconds, random.Random(seconds + 2))
        stop.set()
        taken = {f"h{host}": sender.result() for host, sender in enumerate(senders)}
    rows = server.running.sql(
        'select host, part, count(*), count(distinct n), min(n), max(n), sum(value - n) from "influx.load" group by all'
    )
    assert len(rows) == 80
    assert sum(taken.values()) > seconds
    for host, part, count, distinct, low, high, offset in rows:
        # The last request of each may have been stored while its sender was told to stop.
        assert taken[host] <= count <= taken[host] + 1, (host, part, count, taken[host])
        assert (distinct, low, high) == (count, 0, count - 1)
        assert offset == pytest.approx(count * int(part[1:]) / 4)


class _Told(OTLPMetricExporter):
    """The SDK's own exporter, which also keeps what it was told to be stored: (name, series, time) -> value."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.stored: dict[tuple[str, str, int], float] = {}
        self.failures = 0

    def export(self, metrics_data: Any, *arguments: Any, **more: Any) -> MetricExportResult:
        """Export, and note what went well."""
        result = super().export(metrics_data, *arguments, **more)
        if result is not MetricExportResult.SUCCESS:
            self.failures += 1
            return result
        for metric in metrics_data.resource_metrics[0].scope_metrics[0].metrics:
            for point in metric.data.data_points:
                key = (metric.name, str(point.attributes["n"]), point.time_unix_nano // 1_000_000)
                self.stored[key] = float(point.value)
        return result


@pytest.mark.parametrize("seconds", SECONDS)
def test_what_the_sdk_exported_is_stored_once(server: Server, seconds: int) -> None:
    headers = {"Authorization": f"Bearer {server.running.token}"}
    exporter = _Told(f"{server.url}/api/v1/otlp/v1/metrics", headers=headers, timeout=5)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=250)
    provider = MeterProvider([reader])
    meter = provider.get_meter("fleet")
    counter, gauge = meter.create_counter("jobs"), meter.create_gauge("depth")
    stop = threading.Event()

    def work() -> None:
        turn = 0
        while not stop.wait(0.01):
            turn += 1
            for n in range(20):
                counter.add(n + 1, {"n": n})
                gauge.set(turn + n / 8, {"n": n})

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        _kill_twice(server, seconds, random.Random(seconds + 3))
        stop.set()
        working.result()
    provider.shutdown()
    rows = server.running.sql(
        "select name, labels['n'], epoch_ms(ts), value from samples where labels['n'] is not null"
    )
    found = {(name.removesuffix("_total"), n, ts): value for name, n, ts, value in rows}
    assert len(found) == len(rows), "a sample is there twice"
    assert len(exporter.stored) > seconds * 20
    assert exporter.stored.items() <= found.items()
    # What failed may have been stored before its answer was lost, and nothing else may be there.
    assert len(found) - len(exporter.stored) <= 40 * exporter.failures
