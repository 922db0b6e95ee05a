"""A program on a pseudo-terminal, and its screen as a person sees it: libghostty reads what the program writes."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pyghostty import Terminal

from tests.support.processes import READY_SECONDS, STOP_SECONDS, child_environment


class PtyScreen:
    """A running program and its screen; one thread reads, and every other takes the lock."""

    def __init__(self, popen: subprocess.Popen[bytes], master: int, columns: int, rows: int) -> None:
        self.popen = popen
        self._master = master
        self._lock = threading.Lock()  # guards _terminal: libghostty is not for two threads
        self._terminal = Terminal(columns, rows)
        self._terminal.on_reply(self._reply)
        self._changed = threading.Event()
        self.first_bytes_at: float | None = None
        self.bytes_read = 0
        self._reader = threading.Thread(target=self._read, name="pty-screen", daemon=True)
        self._reader.start()

    def text(self) -> str:
        """Return the screen, a line each."""
        with self._lock:
            return str(self._terminal.text())

    def wait_for(self, what: str | Callable[[str], bool], seconds: float = READY_SECONDS) -> str:
        """Return the screen as soon as it shows ``what``; fail with the screen when it never does."""
        holds = (lambda screen: what in screen) if isinstance(what, str) else what
        deadline = time.monotonic() + seconds
        while True:
            self._changed.clear()
            screen = self.text()
            if holds(screen):
                return screen
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"the screen never showed {what!r}; it shows:\n{screen}")
            self._changed.wait(min(left, 0.5))

    def insist(self, act: Callable[[], None], what: str | Callable[[str], bool]) -> str:
        """Do ``act`` until the screen shows ``what``: Python misses a signal that comes just before it waits for a key."""
        for _ in range(20):
            act()
            with suppress(AssertionError):
                return self.wait_for(what, 3.0)
        raise AssertionError(f"the screen never showed {what!r}; it shows:\n{self.text()}")

    def press(self, keys: str) -> None:
        """Type ``keys``, as the bytes a terminal sends."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size."""
        with self._lock:
            self._terminal.resize(columns, rows)
        set_size(self._master, columns, rows)
        os.killpg(self.popen.pid, signal.SIGWINCH)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Return the exit status; fail with the screen when it does not end."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {seconds} s; the screen shows:\n{self.text()}") from None

    def close(self) -> None:
        """Stop reading."""
        self._reader.join(STOP_SECONDS)
        os.close(self._master)

    def _reply(self, answer: bytes) -> None:
        # The terminal answers questions about itself, as a real one does.
        os.write(self._master, answer)

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._master], [], [], 0.1)
            if not ready:
                if self.popen.poll() is not None:
                    return
                continue
            try:
                chunk = os.read(self._master, 65536)
            except OSError:  # EIO: the last writer is gone
                return
            if not chunk:
                return
            if self.first_bytes_at is None:
                self.first_bytes_at = time.monotonic()
            self.bytes_read += len(chunk)
            with self._lock:
                self._terminal.feed(chunk)
            self._changed.set()


def set_size(descriptor: int, columns: int, rows: int) -> None:
    """Tell the kernel the size of a pseudo-terminal."""
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@contextmanager
def on_pty(
    argv: Sequence[str],
    columns: int = 80,
    rows: int = 24,
    *,
    environment: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[PtyScreen]:
    """Run ``argv`` as the foreground program of a terminal of its own; end its session afterwards."""
    master, slave = pty.openpty()
    set_size(slave, columns, rows)
    more = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    popen = subprocess.Popen(
        # The leader of a new session that opens a terminal takes it as its own, so that Ctrl-C and SIGHUP work as in
        # life; a shell does it without running Python between fork and exec.
        ["/bin/sh", "-c", 'tty="$1"; shift; exec "$@" <>"$tty" >&0 2>&0', "sh", os.ttyname(slave), *argv],
        env={**(environment or child_environment()), **more},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # The slave stays open here, or the reader would see a hang-up before the program has opened it.
    screen = PtyScreen(popen, master, columns, rows)
    try:
        yield screen
    finally:
        os.close(slave)
        if popen.poll() is None:
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait(STOP_SECONDS)
        screen.close()
