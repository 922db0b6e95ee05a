"""Which version runs when an agent is started: the newest proven one, by replacing this process with it.

The service manager always starts the installed version. It becomes the current one by ``exec``, so there is one process
at any time. A current version that does not come up three times in a row is given up, and the installed one goes on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from nagare import __version__
from nagare.agent.update.state import Current, Report, UpdateFiles
from nagare.model.updates import is_older, is_version

log = logging.getLogger(__name__)
_STARTS_LIMIT = 3


def become_current(files: UpdateFiles, words: Sequence[str]) -> None:
    """Replace this process with the current version, if there is one to become; return when there is none."""
    current = files.load_current()
    if current is None or not _is_next(current):
        return
    if current.starts >= _STARTS_LIMIT:
        _give_up(files, current, f"it did not come up {_STARTS_LIMIT} times")
        return
    if not files.is_sound(current.sha256):
        _give_up(files, current, "its file is gone or damaged")
        return
    # A full disk counts nothing, but the proven version runs all the same.
    with contextlib.suppress(OSError):
        files.save_current(replace(current, starts=current.starts + 1))
    become(files, current, words)


def become(files: UpdateFiles, current: Current, words: Sequence[str]) -> None:
    """Replace this process with ``current``; return only if the system refuses."""
    argv = [sys.executable, str(files.file_of(current.sha256)), *words, "--is-current"]
    log.info("agent_becomes version=%s", current.version)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execv(sys.executable, argv)  # noqa: S606  a fixed interpreter and a file of ours
    except OSError as error:
        log.warning("agent_stays reason=%s", error.strerror)


def came_up(files: UpdateFiles) -> None:
    """Note that this process, which is the current version, works."""
    current = files.load_current()
    if current is not None and current.version == __version__ and current.starts:
        files.save_current(replace(current, starts=0))


def _is_next(current: Current) -> bool:
    """Tell whether ``current`` goes before the version that runs: it is newer, or was taken in the place of this one."""
    if current.version == __version__:
        return False
    if current.previous == __version__:
        return True
    return is_version(current.version) and is_version(__version__) and is_older(__version__, current.version)


def _give_up(files: UpdateFiles, current: Current, reason: str) -> None:
    last = files.load_report()
    rollout = last.rollout if last is not None and last.version == current.version else ""
    with contextlib.suppress(OSError):
        files.save_report(Report(rollout, current.version, "failed", reason))
        files.save_current(None)
    log.warning("update_given_up version=%s reason=%s", current.version, reason)
