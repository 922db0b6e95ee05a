"""A whole ``nagare serve`` with its records in a real PostgreSQL: at work, killed, cut off, backed up and moved."""

import json
import shutil
import time
import urllib.error
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm
from tests.support.postgres import Cluster, cluster
from tests.support.processes import (
    RunningServer,
    child_environment,
    collecting,
    nagare_argv,
    serving,
    started,
    wait_until,
)


@pytest.fixture
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL that the test may stop."""
    with cluster() as made:
        yield made


def _environment(postgresql: Cluster, **more: str) -> dict[str, str]:
    return child_environment(NAGARE_RECORDS__URL=postgresql.make_database().url, **more)


def nagare(environment: dict[str, str], data: Path, *arguments: str | Path, status: int = 0, words: str = "") -> str:
    """Return what a command that reads ``words`` wrote, both streams."""
    argv = nagare_argv("--data", data, *arguments)
    ended = warm.run(argv, input=words.encode(), capture_output=True, check=False, timeout=120, env=environment)
    assert ended.returncode == status, (arguments, ended.stdout, ended.stderr)
    return (ended.stdout + ended.stderr).decode()


def _doctor(environment: dict[str, str], data: Path) -> list[dict[str, str]]:
    # Its status is of the whole machine.
    argv = nagare_argv("--data", data, "doctor", "-o", "json")
    ended = warm.run(argv, capture_output=True, check=False, timeout=60, env=environment)
    checks: list[dict[str, str]] = json.loads(ended.stdout)
    return checks


def _refused(server: RunningServer, path: str, body: Any = None) -> dict[str, Any]:
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.request(path, body)
    found: dict[str, Any] = json.loads(refused.value.read())
    assert found["status"] == 503
    return found


class Sender:
    """A known host."""

    def __init__(self, server: RunningServer) -> None:
        self._caller = RunningServer(server.url, server.register("web1"), server.data, server.process)
        self._boot = uuid.uuid4().hex
        self.sent = 0

    def send(self) -> None:
        self.sent += 1
        tables = {"load": {"ts": [time.time_ns() // 1_000_000], "load1": [1.0], "cores": [self.sent]}}
        batch = {"v": 1, "host": "web1", "boot": self._boot, "seq": self.sent, "tables": tables}
        assert self._caller.request("/api/v1/metrics/batch", batch)["accepted"] == 1


def _hosts(server: RunningServer) -> list[str]:
    return sorted(host["name"] for host in server.request("/api/v1/hosts")["hosts"])


def test_a_server_keeps_its_records_over_stops_and_kills(tmp_path: Path, postgresql: Cluster) -> None:
    data, environment = tmp_path / "data", _environment(postgresql, NAGARE_AGENT__INTERVAL_SECONDS="0.5")
    with serving(data, environment=environment) as server:
        with collecting(data, environment=environment) as agent:
            wait_until(lambda: server.sql("select count(*) from cpu")[0][0], "rows of the agent", agent)
        server.register("web1")
        login = {"user": "ada", "password": "a long enough password 7"}
        nagare(environment, data, "users", "add", "ada", "--role", "admin", "--password-stdin", words=login["password"])
        assert server.request("/api/v1/auth/login", login)["access_token"]
        hosts = _hosts(server)
        second = started(
            nagare_argv("--data", tmp_path / "second", "serve", "--listen", "127.0.0.1:0"), environment=environment
        )
        with second as refused:
            assert refused.wait(60) == 7
            assert "another server works with them" in refused.said()
        server.process.kill()
    assert not (data / "records.db").exists()
    with serving(data, environment=environment) as server:
        assert _hosts(server) == hosts
        assert server.process.stop() == 0
    with serving(data, environment=environment) as server:
        assert _hosts(server) == hosts
        assert server.request("/api/v1/auth/login", login)["access_token"]
        assert "the chain holds" in nagare(environment, data, "audit", "verify")
        seen = {check["check"]: check["verdict"] for check in _doctor(environment, data)}
        assert (seen["records"], seen["audit log"]) == ("ok", "ok")


def test_a_database_that_stops_and_comes_back_while_serving(tmp_path: Path, postgresql: Cluster) -> None:
    data, environment = tmp_path / "data", _environment(postgresql)
    with serving(data, environment=environment) as server:
        sender = Sender(server)
        sender.send()
        assert server.request("/ready")["status"] == "ok"
        postgresql.stop()
        sender.send()
        problem = _refused(server, "/api/v1/users")
        assert problem["code"] == "connect-failed"
        assert "PostgreSQL" in problem["hint"]
        _refused(server, "/api/v1/hosts/register", {"name": "web2", "machine_id": "m2", "version": "0.1.0"})
        assert server.request("/ready") | {"version": ""} == {
            "status": "degraded",
            "version": "",
            "checks": {"records": "away"},
        }
        found = [check for check in _doctor(environment, data) if check["check"] == "records"]
        assert [check["verdict"] for check in found] == ["bad"]
        assert "PostgreSQL" in found[0]["mend"]
        postgresql.start()
        sender.send()
        server.register("web2")
        assert server.request("/ready")["status"] == "ok"
        assert _hosts(server) == ["web1", "web2"]
        assert server.sql("select count(*) from load")[0][0] == sender.sent == 3
        assert "the chain holds" in nagare(environment, data, "audit", "verify")


def test_records_move_into_postgresql_and_back_by_backup_and_restore(tmp_path: Path, postgresql: Cluster) -> None:
    data, near = tmp_path / "data", child_environment()
    with serving(data, environment=near) as server:
        Sender(server).send()
    nagare(near, data, "backup", tmp_path / "file.tar")
    environment = _environment(postgresql)
    moved = tmp_path / "moved"
    nagare(environment, moved, "restore", tmp_path / "file.tar")
    assert not list(moved.glob("records*"))
    with serving(moved, environment=environment) as server:
        assert _hosts(server) == ["web1"]
        server.register("web2")
        nagare(environment, moved, "backup", tmp_path / "database.tar")
        refused = nagare(environment, tmp_path / "x", "restore", tmp_path / "database.tar", "--replace", status=7)
        assert "somebody works with the database" in refused
        server.register("web3")
    assert "all as they were written" in nagare(environment, moved, "restore", tmp_path / "database.tar", "--check")
    assert "--replace" in nagare(environment, tmp_path / "y", "restore", tmp_path / "database.tar", status=7)
    nagare(environment, moved, "restore", tmp_path / "database.tar", "--replace")
    kept = next(tmp_path.glob("moved.before-*"))
    assert "web3" in (kept / "records" / "hosts.ndjson").read_text()
    with serving(moved, environment=environment) as server:
        assert _hosts(server) == ["web1", "web2"]
    back = tmp_path / "back"
    nagare(near, back, "restore", tmp_path / "database.tar")
    shutil.rmtree(moved)
    with serving(back, environment=near) as server:
        assert _hosts(server) == ["web1", "web2"]
        assert server.sql("select count(*) from load")[0][0] == 1
        assert "the chain holds" in nagare(near, back, "audit", "verify")
