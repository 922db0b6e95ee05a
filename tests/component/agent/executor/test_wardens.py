"""A warden that is ready: taken by the next program, begun anew behind it, missed by nobody, and left behind by no end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nagare.agent.executor import wardens
from nagare.agent.executor.cgroups import CgroupParents, find_parents, folders_of
from nagare.agent.executor.confinement import Layers
from nagare.agent.executor.probe import probe
from nagare.agent.executor.program import Launch, Program
from nagare.agent.executor.warden_start import Template, Warden
from nagare.agent.executor.wardens import Wardens
from nagare.agent.executor.worker import Worker
from tests.support.processes import child_environment
from tests.support.source import ROOT

LAUNCH = Launch(["/bin/true"], {}, "/", {"CORE": 0})


@dataclass
class Keeping:
    """Wardens that are kept ready."""

    wardens: Wardens
    running: asyncio.Task[None]

    async def ready(self) -> Warden:
        """Return the warden that is ready, once there is one, and leave it there."""
        async with asyncio.timeout(30):
            while (ready := self.wardens._ready) is None:
                await asyncio.wait([self.running], timeout=0.01)
        return ready

    async def run(self, layers: Layers = Layers()) -> Warden | None:  # noqa: B008  frozen
        """Run a program, and return the warden that was ready for it."""
        taken = self.wardens.take(layers)
        async with Program(LAUNCH, taken) as program:
            assert (await program.wait()).exit_code == 0
        return taken


@pytest.fixture
async def kept() -> AsyncIterator[Keeping]:
    """Wardens of this machine."""
    worker = Worker("test")
    wardens = Wardens(worker)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(wardens.run())
        yield Keeping(wardens, running)
        running.cancel()
    worker.close()
    assert wardens._ready is None


async def test_the_next_program_takes_the_one_that_is_ready(kept: Keeping) -> None:
    assert await kept.run() is None, "the first begins its own"
    first = await kept.ready()
    assert await kept.run() is first
    assert first.process.has_ended, "it has ended with its program"
    second = await kept.ready()
    assert second is not first
    kept.running.cancel()
    await asyncio.wait([kept.running])
    assert second.process.has_ended


@pytest.mark.parametrize("whom", ["warden", "child"])
async def test_one_that_was_killed_while_it_waited_costs_no_command(kept: Keeping, whom: str) -> None:
    await kept.run()
    # Nobody may have noticed yet, or somebody has: both are met.
    for is_noticed in (False, True):
        ready = await kept.ready()
        pid = ready.process.pid
        async with asyncio.timeout(30):
            while not (children := _children(pid)):
                await asyncio.wait([kept.running], timeout=0.01)
        os.kill(pid if whom == "warden" else children[0], signal.SIGKILL)
        if is_noticed and whom == "warden":
            await ready.process.wait()
        await kept.run()


_SAID = """
env | sort; umask; pwd; readlink /proc/self/fd/0; ls /proc/self/fd | wc -l; ulimit -a
test "$(cut -d ' ' -f 1 /proc/$$/stat)" = "$(cut -d ' ' -f 6 /proc/$$/stat)" && echo leads its session
exec grep -E "^(Umask|Uid|Gid|SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt|Cap|NoNew|Seccomp|Threads)" /proc/self/status
"""


async def _said_by(ready: Warden | None) -> list[str]:
    launch = Launch(["/bin/sh", "-c", _SAID], {"PATH": "/bin:/usr/bin", "X": "1"}, "/", {"CORE": 0, "NOFILE": 50})
    async with Program(launch, ready) as program:
        said = await program.stdout.read()
        assert (await program.wait()).exit_code == 0
    return said.decode().splitlines()


async def test_a_program_finds_nothing_else_where_its_warden_was_forked(kept: Keeping) -> None:
    await kept.run()
    ready = await kept.ready()
    template = kept.wardens._template
    assert template is not None
    assert _parent(ready.process.pid) == template.process.pid
    assert await _said_by(kept.wardens.take(Layers())) == await _said_by(None)


async def test_a_template_that_was_killed_costs_no_command(kept: Keeping) -> None:
    await kept.run()
    ready = await kept.ready()
    template = kept.wardens._template
    assert template is not None
    os.kill(template.process.pid, signal.SIGKILL)
    assert await kept.run() is ready, "what it forked goes on"
    # It began by itself: nobody was there to fork it.
    own = await kept.ready()
    assert _parent(own.process.pid) == os.getpid()
    assert await kept.run() is own
    ready = await kept.ready()
    assert (again := kept.wardens._template) is not None
    assert _parent(ready.process.pid) == again.process.pid
    kept.running.cancel()
    await asyncio.wait([kept.running])
    assert again.process.has_ended


async def test_a_warden_outlives_its_template_and_ends_with_its_input(kept: Keeping) -> None:
    template = Template()
    warden = await template.begin_warden()
    await template.close()
    assert (template.process.has_ended, warden.process.has_ended) == (True, False)
    async with asyncio.timeout(30):
        await warden.dismiss()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_it_goes_when_nothing_was_run_for_long(kept: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wardens, "_READY_SECONDS", 0.5)
    kept.wardens.take(Layers())
    ready = await kept.ready()
    async with asyncio.timeout(30):
        await ready.process.wait()
        assert kept.wardens.take(Layers()) is None


async def test_a_program_of_other_layers_begins_its_own(kept: Keeping, tmp_path: Path) -> None:
    await kept.run()
    ready = await kept.ready()
    assert kept.wardens.take(Layers(systemd_run="/usr/bin/systemd-run")) is None
    assert kept.wardens._ready is ready, "a scope takes none, and lets it wait"
    elsewhere = CgroupParents(tmp_path, None, is_unified=False)
    assert kept.wardens.take(Layers(cgroups=elsewhere)) is None
    async with asyncio.timeout(30):
        await ready.process.wait()
    named = (await kept.ready()).name
    assert _names(tmp_path) == [named], "the next one is made for those"


async def test_what_is_ready_is_in_its_groups_and_leaves_none(kept: Keeping) -> None:
    layers = await probe(Worker("probe"), find_parents())
    if layers.cgroups is None:
        return
    assert await kept.run(layers) is None
    ready = await kept.ready()
    folders = folders_of(layers.cgroups, ready.name)
    async with asyncio.timeout(30):
        while not all((folder / "cgroup.procs").read_text() for folder in folders):
            await asyncio.wait([kept.running], timeout=0.01)
    kept.running.cancel()
    await asyncio.wait([kept.running])
    assert [folder for folder in folders if folder.exists()] == []


_STRANGER = """
import asyncio
from nagare.agent.executor.warden_start import Template, begin_warden

async def main():
    template = Template()
    own, forked = await begin_warden(), await template.begin_warden()
    async with asyncio.timeout(30):
        for process in (own.process, forked.process, template.process):
            # It closes itself off with its first steps.
            while True:
                try:
                    open(f"/proc/{process.pid}/mem", "rb").close()
                except PermissionError:
                    break
                await asyncio.sleep(0.01)
    await own.dismiss()
    await forked.dismiss()
    await template.close()

asyncio.run(main())
"""


def test_a_program_of_the_same_user_cannot_look_into_one_that_waits() -> None:
    # Root may look into anything.
    caps = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *caps] if os.geteuid() == 0 else []
    subprocess.run([*nobody, sys.executable, "-c", _STRANGER], cwd=ROOT, env=child_environment(), check=True)
