"""A disk that fills up in the middle of anything: ingest is refused, answers stay, and all goes on once there is room.

The file system is real and is filled to its last byte, or but for some, at every step of the store in turn.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nagare.config.places import Places
from nagare.metrics.observe import STEPS
from nagare.server.running.spare import SPARE_BYTES
from tests.support.processes import RunningServer, child_environment, nagare_argv, started, wait_for_server
from tests.support.small_disk import Tmpfs, tmpfs

ROOT = Path(__file__).parents[2]
DISK_BYTES = 24 * 2**20
# What is left takes a file or two, so that a flush, a rollup or a merge fails halfway.
HALFWAY = [(step, left) for step in ("log_dropped", "rollup_committed") for left in (4096, 20_000, 60_000)]


@pytest.mark.parametrize(("step", "left_bytes"), [*((step, 0) for step in STEPS), *HALFWAY])
def test_a_disk_that_fills_costs_nothing_acknowledged(step: str, left_bytes: int, tmp_path: Path) -> None:
    with tmpfs(tmp_path, DISK_BYTES) as disk:
        argv = [sys.executable, "-m", "tests.support.full_store", str(tmp_path), step, str(left_bytes)]
        ended = subprocess.run(
            disk.argv(argv), check=False, cwd=ROOT, capture_output=True, text=True, timeout=100
        )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert f"filled at {step}" in ended.stdout


@contextmanager
def _serving(disk: Tmpfs) -> Iterator[RunningServer]:
    argv = nagare_argv("--data", disk.inside / "data", "serve", "--listen", "127.0.0.1:0")
    environment = child_environment(NAGARE_STORAGE__FREE_RESERVE_BYTES=str(2**20))
    with started(disk.argv(argv), environment=environment) as process:
        yield wait_for_server(process, disk.folder / "data", pid=process.pid)


def test_a_server_that_was_killed_on_a_full_disk_starts_again(tmp_path: Path) -> None:
    with tmpfs(tmp_path, 2 * DISK_BYTES) as disk:
        spare = Places(disk.folder / "data").spare
        with _serving(disk) as server:
            assert spare.stat().st_size == SPARE_BYTES
            server.register("web1")
            disk.fill()
            server.process.kill()
        assert disk.free_bytes == 0
        with _serving(disk) as server:
            assert not spare.exists()
            assert server.sql("select host from hosts") == [["web1"]]
            disk.free()
            server.register("web2")
            server.process.stop()
        with _serving(disk) as server:
            assert spare.stat().st_size == SPARE_BYTES
            assert server.sql("select host from hosts order by host") == [["web1"], ["web2"]]
