"""At a real prompt: Tab inside a statement, Ctrl-C during a query, a pager that quits."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.processes import RunningServer, child_environment, nagare_argv, started, wait_until
from tests.support.pty_screen import PtyScreen, on_pty


@pytest.fixture
def shell_environment(tmp_path: Path) -> dict[str, str]:
    """A PATH with ``nagare`` on it, and a prompt that is easy to see."""
    script = tmp_path / "nagare"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m nagare.cli "$@"\n')
    script.chmod(0o755)
    return child_environment(
        PATH=f"{tmp_path}:{os.environ['PATH']}", PS1="$ ", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )


def _completed(screen: PtyScreen, typed: str, expected: str) -> None:
    screen.press(f"\x15{typed}\t")
    screen.wait_for(expected)


def test_tab_completes_inside_the_statement(shell_environment: dict[str, str]) -> None:
    bash = shutil.which("bash")
    assert bash
    with on_pty([bash, "--norc", "-i"], 100, 20, environment=shell_environment) as screen:
        screen.wait_for("$")
        screen.press('eval "$(nagare --show-completion bash)" && echo re""ady\n')
        screen.wait_for("ready")
        _completed(screen, "nagare que", "$ nagare query")
        _completed(screen, 'nagare query "select * from disk_', 'nagare query "select * from disk_io"')
        _completed(screen, 'nagare query "select avg(busy_ra', 'nagare query "select avg(busy_ratio')
        _completed(screen, "nagare plot cpu.bus", "nagare plot cpu.busy_ratio")
        screen.press("\x15exit\n")
        screen.wait()


def test_the_prompt_has_a_line_of_its_own_after_an_interrupt(shell_environment: dict[str, str]) -> None:
    bash = shutil.which("bash")
    assert bash
    with on_pty([bash, "--norc", "-i"], 100, 20, environment=shell_environment) as screen:
        screen.wait_for("$")
        screen.press("nagare hosts remove web1\n")
        screen.wait_for("Type the name")
        screen.insist(lambda: screen.press("\x03"), lambda text: "$" in [line.strip() for line in text.splitlines()])
        screen.press("echo st$?\n")
        screen.wait_for("st130")
        screen.press("exit\n")
        screen.wait()


def test_a_dashboard_that_breaks_is_a_bug_of_ours(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from nagare.tui.app import TopApp\n"
        "TopApp.get_default_screen = lambda self: 1 / 0\n"
        "from nagare.cli.main import main\n"
        f"sys.exit(main(['top', '--data', {str(tmp_path)!r}]))\n"
    )
    with on_pty([sys.executable, "-c", code], 80, 24, environment=child_environment()) as screen:
        assert screen.wait() == 70


def test_an_interrupt_stops_the_query_at_the_server_too(running_server: RunningServer) -> None:
    endless = "select sum((a.range*b.range)%7) from range(1000000) a, range(1000000) b"
    argv = nagare_argv("--data", running_server.data, "query", endless)
    with started(argv, environment=child_environment()) as process:
        # A server that has just begun is busy with its rules, whoever asks.
        wait_until(lambda: _has_socket(process.pid), "a question", process)
        wait_until(lambda: _is_busy(running_server.process.pid), "a busy server", process)
        process.send(signal.SIGINT)
        assert process.wait() == 130
        assert process.said() == ""
    wait_until(lambda: not _is_busy(running_server.process.pid), "an idle server")
    assert running_server.sql("select 1") == [[1]]


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _has_socket(pid: int) -> bool:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(link).startswith("socket:"):
                return True
    return False


def _is_busy(pid: int) -> bool:
    before = _cpu_ticks(pid)
    subprocess.run(["sleep", "0.2"], check=True)
    return _cpu_ticks(pid) - before > 8


def test_a_reader_that_quits_early_ends_the_command_quietly(running_server: RunningServer) -> None:
    child = warm.popen(
        nagare_argv("--data", running_server.data, "query", "select * from range(100000) t(n)", "-o", "ndjson"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=child_environment(),
    )  # fmt: skip
    assert child.stdout
    assert child.stderr
    assert child.stdout.readline() == b'{"n":0}\n'
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    assert child.wait(60) == 141
    assert said == b""
