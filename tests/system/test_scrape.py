"""``nagare serve`` as a real process that pulls exporters of the Prometheus client and takes other jobs at SIGHUP."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, start_http_server

from tests.support import warm
from tests.support.processes import child_environment, nagare_argv, serving, wait_until


@contextmanager
def _exporter(name: str) -> Iterator[str]:
    registry = CollectorRegistry()
    Counter(name, "What was done.", registry=registry).inc(3)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _configure(file: Path, **urls: str) -> None:
    file.write_text(
        "".join(
            f'[[scrape]]\njob = "{job}"\nurls = ["{url}"]\ninterval_seconds = 0.3\ntimeout_seconds = 0.3\n'
            for job, url in urls.items()
        )
    )


def test_jobs_of_the_configuration_are_pulled_and_changed_without_a_restart(tmp_path: Path) -> None:
    config = tmp_path / "nagare.toml"
    with _exporter("first") as first, _exporter("second") as second:
        _configure(config, one=first)
        with serving(tmp_path / "data", "--config", str(config)) as server:
            count = "select count(value) from samples where name = '{}_total' and labels['job'] = '{}'"
            wait_until(lambda: server.sql(count.format("first", "one"))[0][0] > 1, "samples", server.process)
            _configure(config, two=second)
            server.process.send(signal.SIGHUP)
            wait_until(lambda: server.sql(count.format("second", "two"))[0][0], "the other job", server.process)
            ended = server.sql("select count(*) from samples where name = 'first_total' and value is null")
            assert ended == [[1]]
            (target,) = _targets(server.data)
            assert (target["job"], target["state"], target["url"]) == ("two", "up", second)
            assert server.process.stop() == 0
        assert "Traceback" not in server.process.said()
        assert "taken_up=scrape need_a_restart=" in server.process.said()


def test_a_target_that_is_down_is_told_by_every_view(tmp_path: Path) -> None:
    config = tmp_path / "nagare.toml"
    with _exporter("first") as gone:
        pass
    _configure(config, one=gone)
    with serving(tmp_path / "data", "--config", str(config)) as server:
        wait_until(
            lambda: [t for t in _targets(server.data) if t["state"] == "down"], "a failed scrape", server.process
        )
        table = _nagare(server.data, "targets", "--down", "-o", "table")
        assert "connection refused" in table
        checks = {check["check"]: check for check in json.loads(_nagare(server.data, "doctor", "-o", "json"))}
        assert checks["targets"]["verdict"] == "warn"
        assert "1 of 1 scrape targets are down" in checks["targets"]["seen"]
        (event,) = json.loads(_nagare(server.data, "events", "list", "--kind", "target.down", "-o", "json"))
        assert event["attributes"]["url"] == gone
        assert "connection refused" in event["text"]


def _targets(data: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(_nagare(data, "targets", "-o", "json"))
    return found


def _nagare(data: Path, *words: str) -> str:
    """Return what a command prints; the doctor may end with 1 because no agent runs here."""
    argv = nagare_argv("--data", data, *words)
    done = warm.run(argv, env=child_environment(), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout
