"""Programs that want more than they may have: each is contained, its end is told, and nothing of it is left."""

import asyncio
import os
import pwd
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from nagare.agent.executor.cgroups import find_parents
from nagare.agent.executor.confinement import Layers
from nagare.agent.executor.executor import Executor
from nagare.agent.executor.probe import probe
from nagare.agent.executor.user import User
from nagare.agent.executor.worker import Worker
from nagare.model.command.result import Reason
from nagare.model.command.states import CommandState
from nagare.wire.commands import Cancel, Credit
from tests.support.command_box import ALLOW_ALL, CommandBox
from tests.support.commands import id_of
from tests.support.descendants import living, wait_until_gone
from tests.support.processes import child_environment, wait_until
from tests.support.source import ROOT

# A number of seconds that no other process sleeps: it finds what is left of one test.
GIGABYTE = 10**9


@pytest.fixture
def host(tmp_path: Path) -> CommandBox:
    return CommandBox(tmp_path)


@pytest.fixture
def mark() -> str:
    return f"9{secrets.randbelow(10**9):09d}"


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


async def test_a_gigabyte_of_output_is_counted_and_not_kept(host: CommandBox) -> None:
    action = host.script("test.flood", f"yes | head -c {GIGABYTE}; echo end >&2")
    await host.run(host.script("test.warm", "echo x"))
    _reset_peak()
    before = _peak_bytes()
    result = await host.run(action)
    assert _peak_bytes() - before < 64 * 2**20
    assert result.state is CommandState.DONE
    assert result.stdout.total_bytes == GIGABYTE
    assert result.stdout.dropped_bytes == GIGABYTE - len(result.stdout.head) - len(result.stdout.tail)
    assert result.stdout.head.startswith(b"y\ny\n")
    assert result.stdout.tail.endswith(b"y\n")
    assert result.stderr.head == b"end\n"


async def test_a_flood_may_end_its_program(host: CommandBox) -> None:
    result = await host.run(host.script("test.flood", "exec yes", limits='overflow = "end"\noutput_bytes = 65536'))
    assert (result.state, result.reason) == (CommandState.FAILED, Reason.OUTPUT_LIMIT)
    assert "65536 bytes to stdout" in result.text


async def test_a_flood_that_nobody_ends_ends_by_its_time(host: CommandBox) -> None:
    result = await host.run(host.script("test.flood", "exec yes", limits="timeout_seconds = 1"))
    assert (result.state, result.reason) == (CommandState.FAILED, Reason.TIMEOUT)
    assert result.stdout.total_bytes > 2**20


# Children that changed their session, were orphaned, and listen to no signal that they may ignore.
_STUBBORN = (
    "trap '' TERM HUP INT; (setsid sleep {0} & setsid sh -c 'sleep {0} & echo far; sleep {0}' &) ; echo near; sleep {0}"
)


async def test_time_ends_the_whole_tree(host: CommandBox, mark: str) -> None:
    result = await host.run(host.script("test.tree", _STUBBORN.format(mark), limits="timeout_seconds = 1"))
    assert (result.state, result.reason) == (CommandState.FAILED, Reason.TIMEOUT)
    assert living(mark) == []


async def test_cancelling_ends_the_whole_tree(host: CommandBox, mark: str) -> None:
    dispatch = host.dispatch(host.script("test.tree", _STUBBORN.format(mark)))
    async with host.running() as (executor, outbox):
        await executor.receive(dispatch)
        await outbox.until(lambda: {b"near", b"far"} <= set(outbox.output(id_of(dispatch)).split()))
        await asyncio.to_thread(wait_until, lambda: len(living(mark)) >= 3, "the whole tree")
        await executor.receive(Cancel(id_of(dispatch), "ann"))
        result = await outbox.result(id_of(dispatch))
    assert (result.state, result.reason) == (CommandState.CANCELLED, Reason.CANCELLED)
    assert living(mark) == []


async def test_what_a_program_leaves_behind_is_ended_with_it(host: CommandBox, mark: str) -> None:
    result = await host.run(host.script("test.daemon", f"setsid sleep {mark} & exit 0"))
    assert result.state is CommandState.DONE
    assert living(mark) == []


async def test_a_program_that_ends_its_warden_is_lost_and_ended(host: CommandBox, mark: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs a program that may signal its warden by number")
    script = f"setsid sleep {mark} & kill -9 $PPID; exec sleep {mark}"
    action = host.script("test.patricide", script, sees_processes="true")
    async with host.running() as (executor, outbox):
        _hold_by(executor, Layers())
        dispatch = host.dispatch(action)
        await executor.receive(dispatch)
        result = await outbox.result(id_of(dispatch))
    assert (result.state, result.reason) == (CommandState.LOST, Reason.AGENT_DIED)
    await asyncio.to_thread(wait_until_gone, mark, "what the warden watched over")


@pytest.mark.parametrize(
    ("script", "limits", "told"),
    [
        ("while :; do :; done", "cpu_seconds = 1", "signal 9"),
        ("head -c 9000000 /dev/zero > file", "file_bytes = 65536", "status 153"),
        ("head -c 900000000 /dev/zero | tail -c 800000000 | wc -c", "memory_bytes = 67108864", ""),
    ],
)
async def test_limits_of_the_kernel_hold(host: CommandBox, script: str, limits: str, told: str) -> None:
    result = await host.run(host.script("test.greedy", script, limits=limits))
    if told:
        assert result.state is CommandState.FAILED
        assert told in result.text
    else:
        assert b"800000000" not in result.stdout.head


# Tells how many it could start, of many more than it may.
_COUNT = "n=0; while [ $n -lt 300 ]; do sleep {mark} & n=$((n+1)); echo $n; done"
_BOMB = "b() ( b | b & ); b; exec sleep {mark}"
_LIMIT = 40


def _hold_by(executor: Executor, layers: Layers) -> None:
    executor._gate._layers = {None: layers, User.find("nobody"): layers}


async def _layers() -> Layers:
    return await probe(Worker("probe"), find_parents())


async def _contains_a_bomb(host: CommandBox, layers: Layers, mark: str) -> tuple[str, ...]:
    """Hold a counted flood of processes first, and only then one that has no end; return what held it."""
    bomb = host.script(
        "test.bomb", _BOMB.format(mark=mark), forks_freely="true", limits=f"pids = {_LIMIT}\ntimeout_seconds = 2"
    )
    flood = host.script("test.count", _COUNT.format(mark=mark), forks_freely="true", limits=f"pids = {_LIMIT}")
    counted = host.dispatch(flood)
    async with host.running() as (executor, outbox):
        _hold_by(executor, layers)
        await executor.receive(counted)
        result = await outbox.result(id_of(counted))
        assert 0 < int(result.stdout.head.split()[-1]) <= _LIMIT
        dispatch = host.dispatch(bomb)
        await executor.receive(dispatch)
        await executor.receive(Credit(id_of(dispatch), 2**30))
        result = await outbox.result(id_of(dispatch))
        assert result.state is CommandState.FAILED
        assert " could not be ended" not in result.text
        # The host is fine.
        after = host.dispatch(host.script("test.after", "echo fine"))
        await executor.receive(after)
        assert (await outbox.result(id_of(after))).stdout.head == b"fine\n"
    assert living(mark) == []
    return result.holds


async def test_a_fork_bomb_is_held_by_a_group(host: CommandBox, mark: str) -> None:
    layers = await _layers()
    if not (layers.cgroups or layers.systemd_run):
        # Then the next test says what is left: to refuse.
        pytest.skip("this machine lets nobody make a control group")
    assert "pids:group" in await _contains_a_bomb(host, layers, mark)


async def test_a_fork_bomb_is_held_by_its_user(host: CommandBox, mark: str) -> None:
    if os.geteuid() == 0:
        # Its interpreter and its script must be open to that user.
        host.allow(f'run_as = "nobody"\n{ALLOW_ALL}')
    assert "pids:user" in await _contains_a_bomb(host, Layers(), mark)


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is always counted")
async def test_where_nothing_bounds_processes_a_program_that_forks_freely_is_refused(host: CommandBox) -> None:
    dispatch = host.dispatch(host.script("test.bomb", "true", forks_freely="true"))
    tame = host.dispatch(host.script("test.tame", "true"))
    async with host.running() as (executor, outbox):
        _hold_by(executor, Layers())
        await executor.receive(dispatch)
        refusal = await outbox.receipt(id_of(dispatch))
        assert (refusal.is_accepted, refusal.reason) == (False, Reason.NO_PIDS_LIMIT)
        assert "run_as" in refusal.text
        # One that starts no others runs all the same, and says what held it.
        await executor.receive(tame)
        result = await outbox.result(id_of(tame))
    assert (result.state, result.confinement) == (CommandState.DONE, "rlimits")
    assert not [word for word in result.holds if word.startswith("pids")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
async def test_what_needs_no_root_runs_as_whom_the_policy_names(host: CommandBox) -> None:
    host.allow(f'run_as = "nobody"\n{ALLOW_ALL}')
    nobody = pwd.getpwnam("nobody")
    result = await host.run(host.script("test.who", "id -u; id -G; echo x > $HOME/mine && cat $HOME/mine"))
    assert result.stdout.text().splitlines() == [str(nobody.pw_uid), str(nobody.pw_gid), "x"]
    assert "other-user" in result.holds
    root = await host.run(host.script("test.root", "id -u", needs_root="true"))
    assert root.stdout.head == b"0\n"


_BARE = """
import asyncio
from nagare.agent.executor.program import Launch, Program

async def main():
    async with Program(Launch(["/bin/grep", "Cap", "/proc/self/status"], {}, "/", {"CORE": 0})) as program:
        print((await program.stdout.read()).decode())
        await program.wait()

asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give capabilities away")
def test_what_the_agent_may_beyond_its_user_is_not_for_programs() -> None:
    given = ["--inh-caps=+dac_read_search,+sys_ptrace", "--ambient-caps=+dac_read_search,+sys_ptrace"]
    said = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *given, sys.executable, "-c", _BARE],
        cwd=ROOT, env=child_environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = dict(line.split(":\t") for line in said.stdout.splitlines() if line)
    assert {found[name] for name in ("CapPrm", "CapEff", "CapAmb")} == {"0" * 16}


async def test_a_probe_believes_only_what_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Programs of the right names that do nothing of the kind.
    for name in ("bwrap", "systemd-run"):
        (tmp_path / name).write_text("#!/bin/sh\necho no such thing >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr("nagare.agent.executor.confinement.SEARCH_PATH", str(tmp_path))
    async with asyncio.timeout(60):
        layers = await probe(Worker("probe"), None)
    assert layers == Layers()


# Stands in for systemd where none runs: notes what it was asked for and becomes what follows, as a scope does.
_SCOPE = """#!/bin/sh
for word; do shift; [ "$word" = -- ] && break; echo "$word"; done > {noted}
exec "$@"
"""


async def test_a_scope_is_asked_for_with_its_limits_and_holds_the_warden(
    host: CommandBox, tmp_path: Path, mark: str
) -> None:
    program = tmp_path / "systemd-run"
    program.write_text(_SCOPE.format(noted=tmp_path / "noted"))
    program.chmod(0o755)
    action = host.script("test.scope", f"setsid sleep {mark} & echo in", limits="pids = 7\nmemory_bytes = 268435456")
    dispatch = host.dispatch(action)
    async with host.running() as (executor, outbox):
        _hold_by(executor, Layers(systemd_run=str(program)))
        await executor.receive(dispatch)
        result = await outbox.result(id_of(dispatch))
    assert (result.stdout.head, result.confinement) == (b"in\n", "systemd")
    assert {"pids:group", "memory:group"} <= set(result.holds)
    noted = (tmp_path / "noted").read_text().split()
    assert noted[noted.index("--scope") :] == [
        "--scope", "--quiet", "--collect", f"--unit=nagare-{id_of(dispatch)}",
        "--property=TasksMax=11", f"--property=MemoryMax={268435456 + 2**26}", "--property=MemorySwapMax=0",
    ]  # fmt: skip
    assert living(mark) == []
