"""A disk that fills up in the middle of anything: ingest is refused, answers stay, and all goes on once there is room.

The file system is real and is filled to its last byte, or but for some, at every step of the store in turn.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from nagare.metrics.observe import STEPS
from tests.support.small_disk import tmpfs

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
