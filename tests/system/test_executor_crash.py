"""A real executor process is killed where it hurts: nothing runs twice, and what is told afterwards is true."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nagare.agent.executor.cgroups import find_parents, folders_of
from nagare.model.command.result import CommandResult, Reason
from nagare.model.command.states import CommandState
from nagare.wire.commands import (
    CommandEnded,
    CommandsReady,
    Dispatch,
    FromAgent,
    OutputChunk,
    Receipt,
    ResultAck,
    Started,
    ToAgent,
    decode_from_agent,
    encode_frame,
)
from tests.support import warm
from tests.support.command_box import CommandBox
from tests.support.commands import id_of
from tests.support.descendants import living, wait_until_gone
from tests.support.frozen import freeze
from tests.support.processes import child_environment, wait_until
from tests.support.source import ROOT


class _Child:
    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.popen = popen

    def send(self, frame: ToAgent) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(encode_frame(frame) + b"\n")
        self.popen.stdin.flush()

    def until(self, kind: type[FromAgent]) -> FromAgent:
        """Return the next frame of a kind."""
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            frame = decode_from_agent(line)
            if isinstance(frame, kind):
                return frame
        raise AssertionError(f"it ended with {self.popen.wait()} before it told {kind.__name__}")

    def result(self) -> CommandResult:
        frame = self.until(CommandEnded)
        assert isinstance(frame, CommandEnded)
        return frame.result

    def kill(self) -> None:
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()


@contextmanager
def _executor(host: CommandBox) -> Iterator[_Child]:
    argv = [sys.executable, "-m", "tests.support.own_executor", str(host.folder), host.key.public_key]
    with warm.popen(argv, cwd=ROOT, env=child_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as popen:
        try:
            yield _Child(popen)
        finally:
            if popen.poll() is None:
                popen.kill()


@pytest.fixture
def host(tmp_path: Path) -> CommandBox:
    return CommandBox(tmp_path)


@pytest.fixture
def mark() -> str:
    return f"8{secrets.randbelow(10**9):09d}"


def _begun(host: CommandBox, mark: str) -> Dispatch:
    script = f"echo x >> {host.folder}/count; setsid sleep {mark} & echo begun; exec sleep {mark}"
    return host.dispatch(host.script("test.crash", script), now_ms=_now_ms())


def _now_ms() -> int:
    from nagare.lib.clock import SystemClock

    return SystemClock().now_ms()


def test_a_killed_executor_reports_lost_and_runs_nothing_again(host: CommandBox, mark: str) -> None:
    dispatch = _begun(host, mark)
    with _executor(host) as child:
        child.send(dispatch)
        child.until(OutputChunk)
        wait_until(lambda: living(mark), "what the program started")
        child.kill()
    # Nobody was left to ask for it: what watched over the program ended it.
    wait_until_gone(mark, "what the killed executor ran")
    with _executor(host) as child:
        ready = child.until(CommandsReady)
        assert isinstance(ready, CommandsReady)
        assert [(one.id, one.state) for one in ready.commands] == [(id_of(dispatch), CommandState.LOST)]
        result = child.result()
        assert (result.state, result.reason) == (CommandState.LOST, Reason.AGENT_DIED)
        assert result.started_ms is not None
        assert not Path(f"/tmp/nagare-{id_of(dispatch)}").exists()
        # The server, which never heard how it ended, sends it once more.
        child.send(dispatch)
        assert child.result() == result
        child.send(ResultAck(id_of(dispatch)))
        child.send(dispatch)
        last = child.until(Receipt)
        assert isinstance(last, Receipt)
        assert (last.is_accepted, last.reason) == (False, Reason.REPLAYED)
    assert (host.folder / "count").read_text() == "x\n"
    assert not living(mark)


def test_a_result_outlives_its_executor_until_it_is_acknowledged(host: CommandBox) -> None:
    dispatch = host.dispatch(host.script("test.kept", f"echo x >> {host.folder}/count; echo kept"), now_ms=_now_ms())
    with _executor(host) as child:
        child.send(dispatch)
        first = child.result()
        child.kill()
    for _ in range(2):
        with _executor(host) as child:
            assert child.result() == first
            child.kill()
    assert first.stdout.head == b"kept\n"
    assert (host.folder / "count").read_text() == "x\n"


def test_what_a_killed_warden_left_is_ended_by_the_next_start(host: CommandBox, mark: str) -> None:
    # All of them at one time, as nobody could arrange it but a memory that ran out.
    dispatch = _begun(host, mark)
    with _executor(host) as child:
        child.send(dispatch)
        child.until(OutputChunk)
        wait_until(lambda: len(living(mark)) == 2, "what the program started")
        wardens = _children(child.popen.pid)
        # Stopped first, or it would see the end of the warden and end the rest itself.
        freeze(child.popen.pid)
        for pid in [*wardens, child.popen.pid]:
            os.kill(pid, signal.SIGKILL)
    # The program ended with its warden; what had a session of its own is nobody's now.
    wait_until(lambda: len(living(mark)) == 1, "the end of the program itself")
    with _executor(host) as child:
        assert child.result().state is CommandState.LOST
        wait_until_gone(mark, "the stray")
    parents = find_parents()
    left = folders_of(parents, f"nagare-{id_of(dispatch)}") if parents else []
    assert [folder for folder in left if folder.exists()] == []


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("kind", [Receipt, Started])
def test_killed_at_any_step_it_runs_once_at_the_most(host: CommandBox, mark: str, kind: type[FromAgent]) -> None:
    dispatch = _begun(host, mark)
    with _executor(host) as child:
        child.send(dispatch)
        child.until(kind)
        child.kill()
    wait_until_gone(mark, "what the killed executor ran")
    count = host.folder / "count"
    ran = count.read_text() if count.exists() else ""
    with _executor(host) as child:
        result = child.result()
        assert result.reason in (Reason.AGENT_DIED, Reason.NOT_STARTED)
        assert result.reason is Reason.AGENT_DIED or not ran
        child.send(dispatch)
        assert child.result() == result
    assert (count.read_text() if count.exists() else "") == ran
    assert len(ran) <= 2


def test_the_end_of_its_input_is_an_orderly_stop(host: CommandBox, mark: str) -> None:
    dispatch = _begun(host, mark)
    with _executor(host) as child:
        child.send(dispatch)
        child.until(OutputChunk)
        assert child.popen.stdin is not None
        child.popen.stdin.close()
        assert child.popen.wait(60) == 0
    assert not living(mark)
    with _executor(host) as child:
        assert child.result().reason is Reason.AGENT_STOPPED
