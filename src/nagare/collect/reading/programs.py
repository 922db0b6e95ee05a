"""Runs other people's programs with a deadline and a bound on what they may say; never through a shell."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from nagare.errors import DeadlineExceededError, LimitExceededError, UnavailableError

# Where administration tools stand that an ordinary user's path lacks.
_MORE_PLACES = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")
OUTPUT_LIMIT_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program said on stdout and how it ended; a signal is a negative code."""

    code: int
    output: bytes


def find_program(name: str, places: str | None = None) -> str | None:
    """Return the path of a program, or None; ``places`` replaces the user's path and the administrator's."""
    folders = [*os.get_exec_path(), *_MORE_PLACES] if places is None else places.split(":")
    for folder in folders:
        path = f"{folder}/{name}"
        # An empty folder would mean the current directory, where anybody may have put anything.
        if folder.startswith("/") and os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113  no path objects
            return path
    return None


def run_program(argv: Sequence[str], timeout_seconds: float) -> Outcome:
    """Run ``argv`` and return its outcome; its whole process group is killed at the deadline.

    Raises DeadlineExceededError, LimitExceededError, or UnavailableError when it cannot be started.
    """
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise UnavailableError(f"cannot start {argv[0]}: {error.strerror}") from error
    is_late = threading.Event()
    timer = threading.Timer(timeout_seconds, _stop, (process, is_late))
    timer.daemon = True
    timer.start()
    try:
        return _finish(process, is_late, argv[0], timeout_seconds)
    finally:
        timer.cancel()


def _finish(process: subprocess.Popen[bytes], is_late: threading.Event, name: str, seconds: float) -> Outcome:
    pipe = process.stdout
    output = b"" if pipe is None else pipe.read(OUTPUT_LIMIT_BYTES + 1)
    if pipe is not None:
        pipe.close()
    if len(output) > OUTPUT_LIMIT_BYTES:
        _kill(process)
    # A program stuck in the kernel cannot be killed; it must not take us with it.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1.0 if is_late.is_set() else seconds)
    if is_late.is_set():
        raise DeadlineExceededError(f"cannot wait for {name}: it took more than {seconds:g} s")
    if len(output) > OUTPUT_LIMIT_BYTES:
        raise LimitExceededError(f"cannot read {name}: it said more than {OUTPUT_LIMIT_BYTES} bytes")
    return Outcome(process.returncode if process.returncode is not None else -signal.SIGKILL, output)


def _stop(process: subprocess.Popen[bytes], is_late: threading.Event) -> None:
    is_late.set()
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    # The group has the pid of its leader, since the program began a session of its own.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
