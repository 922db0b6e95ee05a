"""Commands in the sandbox of bubblewrap: what it holds, as the result says it does."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nagare.agent.executor.confinement import Layers
from nagare.agent.executor.user import User
from nagare.agent.executor.worker import Worker
from nagare.model.command.action import Action
from nagare.model.command.result import CommandResult
from nagare.model.command.states import CommandState
from nagare.wire.commands import Cancel
from tests.support.command_box import ALLOW_ALL, CommandBox
from tests.support.commands import id_of
from tests.support.descendants import living


@pytest.fixture
def host(tmp_path: Path) -> CommandBox:
    return CommandBox(tmp_path)


@pytest.fixture
def layers(program: Callable[[str], str]) -> Layers:
    return Layers(bubblewrap=program("bwrap"))


async def _run(host: CommandBox, action: Action, layers: Layers) -> CommandResult:
    dispatch = host.dispatch(action)
    async with host.running() as (executor, outbox):
        executor._gate._layers = _for_all(layers)
        await executor.receive(dispatch)
        return await outbox.result(id_of(dispatch))


def _for_all(layers: Layers) -> dict[User | None, Layers]:
    return {None: layers, User.find("nobody"): layers}


def _exists(path: Path) -> bool:
    return path.exists()


async def test_the_probe_finds_it(program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    from nagare.agent.executor.probe import probe

    path = Path(program("bwrap"))
    monkeypatch.setattr("nagare.agent.executor.confinement.SEARCH_PATH", str(path.parent))
    assert (await probe(Worker("probe"), None)).bubblewrap == str(path)


async def test_a_sandbox_writes_only_where_the_action_may(host: CommandBox, layers: Layers, tmp_path: Path) -> None:
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    script = f"touch /tmp/mine && ls -d /tmp/mine; touch {open_folder}/yes; touch {tmp_path}/no; touch /etc/no"
    action = host.script("test.writes", script, writable=f'["{open_folder}"]')
    result = await _run(host, action, layers)
    assert result.stdout.head == b"/tmp/mine\n"
    assert not _exists(Path("/tmp/mine"))
    assert b"cannot touch '/etc/no': Read-only file system" in result.stderr.head
    assert (open_folder / "yes").exists()
    assert not (tmp_path / "no").exists()
    assert {"read-only", "private-tmp"} <= set(result.holds)
    assert result.confinement == "bubblewrap"


@pytest.mark.parametrize(("sees", "is_hidden"), [("false", True), ("true", False)])
async def test_it_hides_processes_unless_the_action_is_about_them(
    host: CommandBox, layers: Layers, sees: str, is_hidden: bool
) -> None:
    result = await _run(host, host.script("test.sees", f"ls -d /proc/{os.getpid()}", sees_processes=sees), layers)
    assert (result.state is CommandState.FAILED) == is_hidden


async def test_another_user_is_held_by_it_too(host: CommandBox, layers: Layers) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    host.allow(f'run_as = "nobody"\n{ALLOW_ALL}')
    result = await _run(host, host.script("test.who", "id -u; grep CapEff /proc/self/status; touch /tmp/x"), layers)
    assert result.stdout.text().split() == ["65534", "CapEff:", "0000000000000000"]
    assert result.state is CommandState.DONE


async def test_cancelling_ends_all_that_is_in_it(host: CommandBox, layers: Layers) -> None:
    mark = "7123498765"
    script = f"trap '' TERM; (setsid sleep {mark} &); echo ready; sleep {mark}"
    dispatch = host.dispatch(host.script("test.tree", script))
    async with host.running() as (executor, outbox):
        executor._gate._layers = _for_all(layers)
        await executor.receive(dispatch)
        await outbox.until(lambda: outbox.output(id_of(dispatch)))
        await executor.receive(Cancel(id_of(dispatch)))
        assert (await outbox.result(id_of(dispatch))).state is CommandState.CANCELLED
    assert living(mark) == []
