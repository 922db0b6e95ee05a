"""A stopped process ends although a thread of it does not."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import logging, threading
from concurrent.futures import ThreadPoolExecutor
from nagare.server.running.exit_guard import guard_exit
logging.basicConfig()
ThreadPoolExecutor(1, thread_name_prefix="stuck").submit(threading.Event().wait)
guard_exit(0.1)
"""


def test_a_thread_that_never_returns_does_not_keep_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 0
    assert "threads_did_not_end names=stuck_0" in ended.stderr
