"""Backup beside a server at work, restore elsewhere, and kills in the middle of both."""

import json
import random
import shutil
import signal
import subprocess
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nagare.lib.archive import read_manifest
from tests.support import warm
from tests.support.processes import RunningServer, child_environment, nagare_argv, serving, wait_until

STORAGE = {
    "NAGARE_STORAGE__FLUSH_SECONDS": "0.3",
    "NAGARE_STORAGE__FLUSH_ROWS": "400",
    "NAGARE_QUERY__ROW_LIMIT": "1000000",
}


def nagare(data: Path, *arguments: str | Path, status: int = 0) -> str:
    """Return what a command wrote, both streams."""
    ended = warm.run(
        nagare_argv("--data", data, *arguments), capture_output=True, check=False, timeout=120, env=child_environment()
    )
    assert ended.returncode == status, (arguments, ended.stdout, ended.stderr)
    return (ended.stdout + ended.stderr).decode()


class Sending:
    """Sends numbered rows until stopped; knows what was acknowledged."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._stop = threading.Event()
        self.acknowledged = 0

    def run(self) -> None:
        token, boot, seq = self._server.register("web1"), uuid.uuid4().hex, 0
        while not self._stop.is_set():
            seq += 1
            now = time.time_ns() // 1_000_000
            tables = {"load": {"ts": [now], "load1": [float(seq)], "cores": [seq]}}
            batch = {"v": 1, "host": "web1", "boot": boot, "seq": seq, "tables": tables}
            caller = RunningServer(self._server.url, token, self._server.data, self._server.process)
            caller.request("/api/v1/metrics/batch", batch)
            self.acknowledged = seq

    def stop(self) -> None:
        self._stop.set()


def _rows(data: Path) -> list[int]:
    found: list[dict[str, Any]] = json.loads(
        nagare(data, "query", "select cores from load order by 1", "--quiet", "-o", "json")
    )
    return [row["cores"] for row in found]


@pytest.mark.parametrize("count", [2, pytest.param(8, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_a_backup_beside_a_server_at_work_is_one_state(tmp_path: Path, count: int) -> None:
    data, restored = tmp_path / "data", tmp_path / "restored"
    backups: list[tuple[Path, int]] = []
    rows: list[int] = []
    with serving(data, environment=child_environment(**STORAGE)) as server, ThreadPoolExecutor(1) as pool:
        sending = Sending(server)
        sent = pool.submit(sending.run)
        for number in range(count):
            before = sending.acknowledged
            wait_until(lambda before=before: sending.acknowledged >= before + 60, "more rows", server.process)
            file = tmp_path / f"{number}.tar"
            acknowledged = sending.acknowledged
            assert "are in" in nagare(data, "backup", file)
            backups.append((file, acknowledged))
        sending.stop()
        sent.result()
        assert "a server runs on it" in nagare(data, "restore", backups[0][0], "--replace", status=7)
        hosts = json.loads(nagare(data, "hosts", "list", "-o", "json"))
    for number, (file, acknowledged) in enumerate(backups):
        assert "all as they were written" in nagare(data, "restore", file, "--check")
        restored = tmp_path / f"restored{number}"
        nagare(restored, "restore", file)
        rows = _rows(restored)
        assert rows == list(range(1, len(rows) + 1)), "a row is missing, or there twice"
        assert len(rows) >= acknowledged
    with serving(restored) as server:
        assert server.request("/api/v1/status")["bus"]["fault"] == ""
        again = json.loads(nagare(restored, "hosts", "list", "-o", "json"))
        assert [host["id"] for host in again] == [host["id"] for host in hosts]
        assert server.sql("select count(*) from load")[0][0] == len(rows)
        assert "the chain holds" in nagare(restored, "audit", "verify")
    assert not list(data.glob(".backup-*"))
    assert "bus.db" in read_manifest(backups[0][0]).files


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that nobody serves, with some hundred rows."""
    root = tmp_path_factory.mktemp("filled")
    with serving(root / "data", environment=child_environment(**STORAGE)) as server, ThreadPoolExecutor(1) as pool:
        sending = Sending(server)
        sent = pool.submit(sending.run)
        wait_until(lambda: sending.acknowledged >= 200, "rows", server.process)
        sending.stop()
        sent.result()
    return root / "data"


def _killed(data: Path, after: float, *arguments: str | Path) -> None:
    child = warm.popen(
        nagare_argv("--data", data, *arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=child_environment(),
    )  # fmt: skip
    try:
        child.wait(after)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_kills_in_the_middle_leave_a_working_installation(filled: Path, tmp_path: Path, kills: int) -> None:
    chance = random.Random(20261125)
    data, file = tmp_path / "data", tmp_path / "a.tar"
    shutil.copytree(filled, data)
    expected = _rows(data)
    nagare(data, "backup", file)
    kept = file.read_bytes()
    for _ in range(kills):
        _killed(data, chance.uniform(0.2, 0.7), "backup", file)
        assert "all as they were written" in nagare(data, "restore", file, "--check")
        assert _rows(data) == expected
    file.write_bytes(kept)
    for _ in range(kills):
        _killed(data, chance.uniform(0.2, 0.8), "restore", file, "--replace")
        if not data.exists():
            # Between the two names: the command again makes it whole.
            nagare(data, "restore", file)
        assert _rows(data) == expected
    nagare(data, "backup", file)
    assert not list(data.glob(".backup-*"))


def test_a_backup_after_a_kill_holds_what_was_acknowledged(tmp_path: Path) -> None:
    data, restored = tmp_path / "data", tmp_path / "restored"
    with serving(data) as server:
        server.register("web1")
        # What it wrote last stands beside records.db.
        server.process.kill()
    nagare(data, "backup", tmp_path / "a.tar")
    nagare(restored, "restore", tmp_path / "a.tar")
    with serving(restored):
        assert [host["name"] for host in json.loads(nagare(restored, "hosts", "list", "-o", "json"))] == ["web1"]


def test_what_is_there_is_not_overwritten_and_what_is_bad_is_refused(filled: Path, tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "a.tar"
    shutil.copytree(filled, data)
    expected = _rows(data)
    nagare(data, "backup", file)
    assert "it is not empty" in nagare(data, "restore", file, status=7)
    nagare(data, "restore", file, "--replace")
    (kept,) = tmp_path.glob("data.before-*")
    assert _rows(data) == _rows(kept) == expected
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert "holds other bytes" in nagare(data, "restore", file, "--check", "-o", "table", status=1)
    assert "holds other bytes" in nagare(tmp_path / "new", "restore", file, status=2)
    assert not (tmp_path / "new").exists()
    file.write_bytes(content[: len(content) // 2])
    assert "cannot restore" in nagare(tmp_path / "new", "restore", file, status=2)
    assert "no such file" in nagare(tmp_path / "new", "restore", tmp_path / "none.tar", status=5)
    assert "there is no installation" in nagare(tmp_path / "none", "backup", file, status=5)
