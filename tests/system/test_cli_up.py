"""``nagare up`` as a process: it starts everything, mends what dies, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from nagare.config.places import Places
from tests.support import warm
from tests.support.processes import (
    STOP_SECONDS,
    Process,
    RunningServer,
    child_environment,
    nagare_argv,
    serving,
    started,
    wait_for_server,
    wait_until,
)
from tests.support.pty_screen import PtyScreen, on_pty

ENVIRONMENT = {"NAGARE_AGENT__INTERVAL_SECONDS": "1"}


def up_argv(data: Path, *more: str) -> list[str]:
    """Return the command line of ``up`` on a free port."""
    return nagare_argv("up", "--data", data, "--listen", "127.0.0.1:0", *more)


@contextmanager
def running_up(data: Path) -> Iterator[tuple[Process, RunningServer]]:
    """Run ``up`` without a terminal until server and agent work; end whatever is left of it."""
    with started(up_argv(data), environment=child_environment(**ENVIRONMENT)) as process:
        try:
            server = wait_for_server(process, data)
            wait_until(lambda: children(process.pid).get("agent"), "an agent", process)
            yield process, server
        finally:
            left = children(process.pid)
            process.kill()
            gone(list(left.values()))


def children(pid: int) -> dict[str, int]:
    """Return the pids of the children of ``up`` by their word."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"nagare.cli" in words:
                found[words[words.index(b"nagare.cli") + 1].decode()] = int(entry.name)
    return found


def gone(pids: list[int]) -> None:
    """Wait until none of the processes is left."""
    for pid in pids:
        wait_until(lambda pid=pid: not is_alive(pid), f"the end of {pid}", seconds=STOP_SECONDS)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with running_up(tmp_path / "data") as (process, _):
        pids = children(process.pid)
        assert set(pids) == {"serve", "agent"}
        process.send(number)
        assert process.wait() == 0, process.said()
        gone(list(pids.values()))
        assert "had to be killed" not in process.said()
    assert not Places(tmp_path / "data").server_note.exists()


def test_signals_that_come_together_are_one_request(tmp_path: Path) -> None:
    with running_up(tmp_path / "data") as (process, _):
        pids = children(process.pid)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            process.send(number)
        assert process.wait() == 0, process.said()
        gone(list(pids.values()))
    assert not Places(tmp_path / "data").server_note.exists()


def test_samples_arrive_and_logs_carry_names(tmp_path: Path) -> None:
    with running_up(tmp_path / "data") as (process, server):
        wait_until(lambda: server.sql("select count(*) from cpu")[0][0] > 0, "rows", process, seconds=15)
        assert process.stdout == []
        wait_until(lambda: "server at http://127.0.0.1:" in process.said(), "the note", process)
        assert any(line.startswith("serve | ") for line in process.stderr)
        assert any(line.startswith("agent | ") for line in process.stderr)


def test_children_end_when_up_is_killed(tmp_path: Path) -> None:
    with running_up(tmp_path / "data") as (process, _):
        pids = list(children(process.pid).values())
        assert len(pids) == 2
        process.send(signal.SIGKILL)
        process.wait()
        gone(pids)
    # The server ended by its own hand: its note is gone too.
    assert not Places(tmp_path / "data").server_note.exists()


@pytest.mark.parametrize("name", ["serve", "agent"])
def test_a_child_that_dies_is_started_again(tmp_path: Path, name: str) -> None:
    with running_up(tmp_path / "data") as (process, server):
        wait_until(lambda: server.sql("select count(*) from cpu")[0][0] > 0, "rows", process)
        before = children(process.pid)
        os.kill(before[name], signal.SIGKILL)
        wait_until(lambda: children(process.pid).get(name, before[name]) != before[name], "a new child", process)
        again = wait_for_server(process, server.data, pid=children(process.pid)["serve"])
        count = again.sql("select count(*) from cpu")[0][0]
        wait_until(lambda: again.sql("select count(*) from cpu")[0][0] > count, "new rows", process)
        assert f"{name} ended with status -9; starting it again" in process.said()
        process.send(signal.SIGTERM)
        assert process.wait() == 0


def test_a_second_one_is_refused_with_the_pid(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        for words in (up_argv(server.data), nagare_argv("serve", "--data", server.data, "--listen", "127.0.0.1:0")):
            ended = warm.run(
                words, capture_output=True, text=True, check=False, timeout=60, env=child_environment(),
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
            assert ended.returncode == 7, ended.stderr
            assert str(server.process.pid) in ended.stderr


def test_what_no_restart_mends_ends_up_with_its_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        argv = nagare_argv("up", "--data", tmp_path / "data", "--listen", address)
        with started(argv, environment=child_environment()) as process:
            assert process.wait() == 7
            assert "the address is in use" in process.said()
            assert "--listen" in process.said()


def test_a_wrong_configuration_is_told_before_anything_starts(tmp_path: Path) -> None:
    with started(up_argv(tmp_path / "data"), environment=child_environment(NAGARE_QUERY__THREADS="many")) as process:
        assert process.wait() == 2
        assert "NAGARE_QUERY__THREADS" in process.said()
    assert not (tmp_path / "data").exists()


@contextmanager
def up_on_pty(data: Path) -> Iterator[PtyScreen]:
    """Run ``up`` on a terminal until the dashboard shows this host."""
    with on_pty(up_argv(data), 100, 30, environment=child_environment(**ENVIRONMENT)) as screen:
        screen.wait_for("● 1")
        yield screen


def test_leaving_the_dashboard_ends_everything(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up_on_pty(data) as screen:
        pids = children(screen.popen.pid)
        assert set(pids) == {"serve", "agent", "top"}
        screen.press("q")
        assert screen.wait() == 0
        gone(list(pids.values()))
        assert "nagare ▸" not in screen.text()
    assert not Places(data).server_note.exists()
    assert "serve | " in (Places(data).run / "up.log").read_text()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGHUP, 0)])
def test_a_signal_ends_the_dashboard_too(tmp_path: Path, number: signal.Signals, status: int) -> None:
    with up_on_pty(tmp_path / "data") as screen:
        pids = children(screen.popen.pid)
        screen.popen.send_signal(number)
        assert screen.wait() == status
        gone(list(pids.values()))
        assert "nagare ▸" not in screen.text()


def test_a_dashboard_that_crashes_leaves_a_usable_terminal(tmp_path: Path) -> None:
    with up_on_pty(tmp_path / "data") as screen:
        pids = children(screen.popen.pid)
        os.kill(pids["top"], signal.SIGKILL)
        assert screen.wait() == 70
        gone(list(pids.values()))
        assert "the dashboard ended with status -9" in screen.wait_for("the dashboard ended")
        assert "nagare ▸" not in screen.text()


def test_where_a_server_runs_up_is_its_dashboard(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        with on_pty(up_argv(server.data), 100, 30, environment=child_environment()) as screen:
            screen.wait_for("nagare ▸")
            assert children(screen.popen.pid) == {}
            screen.press("q")
            assert screen.wait() == 0
        assert server.process.is_running
