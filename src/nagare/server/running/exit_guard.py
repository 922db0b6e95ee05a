"""The last word of a stopped server: a thread that never returns must not keep the process.

The interpreter waits for every thread of an executor before it ends, and DuckDB cannot be interrupted everywhere.
By then everything durable is synced and the lock is free, so that nothing is lost by leaving without that thread.
"""

from __future__ import annotations

import logging
import os
import threading
import time

log = logging.getLogger(__name__)


def guard_exit(seconds: float, code: int = 0) -> None:
    """End the process with ``code`` if it is still there after ``seconds``; call it as the last thing in its life."""
    threading.Thread(target=_end, args=(seconds, code), name="exit-guard", daemon=True).start()


def _end(seconds: float, code: int) -> None:
    time.sleep(seconds)
    main = threading.main_thread()
    stuck = sorted(thread.name for thread in threading.enumerate() if not thread.daemon and thread is not main)
    log.error("threads_did_not_end names=%s", ",".join(stuck))
    os._exit(code)
