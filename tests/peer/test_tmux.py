"""``nagare top`` inside tmux, the terminal that most operators live in, at the three sizes we promise."""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import Process, RunningServer, child_environment, nagare_argv, wait_until

SIZES = [(80, 24), (120, 40), (200, 60)]


class Tmux:
    """One tmux server with one window."""

    def __init__(self, binary: str, socket: Path, environment: dict[str, str]) -> None:
        self._argv = [binary, "-f", os.devnull, "-S", str(socket)]
        self._environment = environment

    def run(self, *words: str) -> str:
        """Run a tmux command."""
        done = subprocess.run([*self._argv, *words], capture_output=True, text=True, env=self._environment, check=True)
        return done.stdout

    def screen(self) -> str:
        """Return what the pane shows."""
        return self.run("capture-pane", "-p")

    def wait_for(self, word: str) -> str:
        """Return the screen once it shows ``word``."""
        try:
            wait_until(lambda: word in self.screen(), f"{word!r} on the screen", seconds=30)
        except AssertionError:
            raise AssertionError(f"no {word!r} on the screen:\n{self.screen()}") from None
        return self.screen()


@pytest.fixture
def tmux(program: Callable[[str], str], tmp_path: Path) -> Iterator[Tmux]:
    """A tmux of our own, without the user's settings."""
    server = Tmux(program("tmux"), tmp_path / "tmux.sock", child_environment(TERM="xterm-256color", LANG="C.UTF-8"))
    yield server
    subprocess.run([*server._argv, "kill-server"], capture_output=True, check=False)


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_every_screen_is_reached_by_keys(
    tmux: Tmux, running_server: RunningServer, running_agent: Process, columns: int, rows: int
) -> None:
    top = shlex.join(nagare_argv("--data", running_server.data, "top"))
    tmux.run("new-session", "-d", "-x", str(columns), "-y", str(rows), f"{top}; echo ended $?; sleep 100")
    tmux.wait_for("overview")
    host = os.uname().nodename
    tmux.wait_for(host[:8])
    tmux.run("send-keys", "2")
    tmux.wait_for("▸ hosts")
    tmux.run("send-keys", "Enter")
    screen = tmux.wait_for(f"▸ {host[:8]}")
    tmux.run("send-keys", "?")
    tmux.wait_for("Esc closes")
    tmux.run("send-keys", "Escape")
    # A key right after Escape would read as Alt and that key, in every terminal.
    wait_until(lambda: "Esc closes" not in tmux.screen(), "the end of the help", seconds=30)
    assert "Traceback" not in screen
    assert all(len(line) <= columns for line in screen.splitlines())
    tmux.run("send-keys", "q")
    tmux.wait_for("ended 0")
