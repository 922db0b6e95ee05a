"""The eyes of the other tests: a program really has a terminal of its own."""

import sys

from tests.support.pty_screen import on_pty

PROGRAM = """
import os, signal, sys, time
signal.signal(signal.SIGWINCH, lambda *_: print("now", *os.get_terminal_size(), flush=True))
print("size", *os.get_terminal_size(), "tty", sys.stdin.isatty(), "owner", os.tcgetpgrp(0) == os.getpgrp(), flush=True)
try:
    print("got", input(), flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(7)
"""


def test_a_program_has_a_screen_keys_a_size_and_ctrl_c() -> None:
    with on_pty([sys.executable, "-c", PROGRAM], 100, 30) as screen:
        screen.wait_for("size 100 30 tty True owner True")
        screen.insist(lambda: screen.resize(120, 40), "now 120 40")
        screen.press("hello\n")
        screen.wait_for("got hello")
        screen.insist(lambda: screen.press("\x03"), "interrupted")
        assert screen.wait() == 7
