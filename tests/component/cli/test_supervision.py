"""The pieces under ``nagare up``: the lifeline, one child, the terminal's modes."""

import os
import pty
import signal
import subprocess
import sys
import termios

import pytest

from nagare.cli.supervision.child import Child, ChildPlan, Lifeline
from nagare.cli.supervision.log_lines import LogLines
from nagare.cli.supervision.terminal import SavedTerminal
from nagare.config.places import Places
from nagare.errors import InvariantError
from tests.support.frozen import freeze
from tests.support.processes import wait_until

WATCHER = (
    "import sys, time, threading\n"
    "from nagare.cli.console.parent import watch_parent\n"
    "watch_parent(int(sys.argv[1]))\n"
    "print('watching', flush=True)\n"
    "threading.Event().wait(60)\n"
)


def test_the_end_of_the_pipe_is_the_end_of_the_child() -> None:
    lifeline = Lifeline()
    child = subprocess.Popen(
        [sys.executable, "-c", WATCHER, str(lifeline.read_end)], pass_fds=[lifeline.read_end], stdout=subprocess.PIPE
    )
    assert child.stdout
    assert child.stdout.readline() == b"watching\n"
    assert child.poll() is None
    lifeline.close()
    assert child.wait(30) == -signal.SIGTERM
    child.stdout.close()


@pytest.mark.may_block(reason="starts a process")
async def test_a_child_is_heard_and_its_status_known() -> None:
    lifeline, written = Lifeline(), list[str]()
    child = Child(ChildPlan("query", ["query", "--no-such-option"], 5.0), lifeline)
    with pytest.raises(InvariantError):
        _ = child.pid
    with LogLines(written.append, is_shown=True) as lines:
        await child.start()
        await child.hear(lines)
        assert await child.wait() == 2
        assert await child.stop()
    lifeline.close()
    assert any("no such option" in line for line in written)
    child.send(signal.SIGTERM)


@pytest.mark.may_block(reason="starts a process")
async def test_a_child_that_will_not_end_is_killed(places: Places) -> None:
    lifeline = Lifeline()
    words = ["serve", "--data", str(places.data), "--listen", "127.0.0.1:0"]
    child = Child(ChildPlan("serve", words, 0.2), lifeline)
    await child.start()
    wait_until(places.server_note.exists, "a server")
    # A stopped process answers no signal.
    freeze(child.pid)
    assert not await child.stop()
    assert child.status == -signal.SIGKILL
    lifeline.close()


def test_a_terminal_gets_its_modes_back() -> None:
    master, slave = pty.openpty()
    saved = SavedTerminal(slave)
    modes = termios.tcgetattr(slave)
    modes[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    saved.restore(is_clean=False)
    assert termios.tcgetattr(slave)[3] & termios.ECHO
    written = os.read(master, 4096)
    assert b"\x1b[?1049l" in written
    assert b"\x1b[?25h" in written
    saved.restore(is_clean=True)
    os.close(slave)
    os.close(master)


def test_keys_that_wait_for_a_dashboard_are_not_shown() -> None:
    master, slave = pty.openpty()
    saved = SavedTerminal(slave)
    saved.hush()
    assert not termios.tcgetattr(slave)[3] & termios.ECHO
    saved.restore(is_clean=True)
    assert termios.tcgetattr(slave)[3] & termios.ECHO
    os.close(slave)
    os.close(master)


def test_what_is_no_terminal_is_left_alone() -> None:
    reading, writing = os.pipe()
    SavedTerminal(writing).hush()
    SavedTerminal(writing).restore(is_clean=False)
    os.close(writing)
    assert os.read(reading, 10) == b""
    os.close(reading)
