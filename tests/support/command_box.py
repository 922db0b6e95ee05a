"""An executor as tests drive it: a key that its host trusts, a policy, an outbox that keeps what it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from nagare.agent.events import EventBox
from nagare.agent.executor.executor import Executor
from nagare.agent.executor.verify import Standing
from nagare.config.settings import CommandSettings
from nagare.keys.signing import SigningKey
from nagare.lib.clock import SystemClock
from nagare.model.command.action import Action
from nagare.model.command.result import CommandResult
from nagare.wire.commands import CommandEnded, Credit, Dispatch, FromAgent, OutputChunk, Receipt, Started
from tests.support.commands import HOST, dispatch_of, id_of

F = TypeVar("F")
ALLOW_ALL = 'allow_shell = true\n[[allow]]\nactions = ["*"]\n'
# Generous: two cores that others share.
PATIENCE_SECONDS = 60.0


class KeptFrames:
    """An outbox that keeps what it is sent, and lets tests wait for it."""

    def __init__(self) -> None:
        self.frames: list[FromAgent] = []
        self._news = asyncio.Event()

    async def send(self, frame: FromAgent) -> None:
        self.frames.append(frame)
        self._news.set()

    def of(self, kind: type[F], command_id: str = "") -> list[F]:
        """Return the frames of a kind so far."""
        return [
            frame
            for frame in self.frames
            if isinstance(frame, kind) and (not command_id or getattr(frame, "id", "") == command_id)
        ]

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Return the first true value of ``condition``, asked after each frame."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (value := condition()):
                self._news.clear()
                await self._news.wait()
        return value

    async def result(self, command_id: str) -> CommandResult:
        """Return the result of a command once it comes."""
        ended: CommandEnded = (await self.until(lambda: self.of(CommandEnded, command_id)))[0]
        return ended.result

    async def receipt(self, command_id: str) -> Receipt:
        """Return the first receipt of a command once it comes."""
        receipt: Receipt = (await self.until(lambda: self.of(Receipt, command_id)))[0]
        return receipt

    async def started(self, command_id: str) -> Started:
        """Return the word that a command began once it comes."""
        started: Started = (await self.until(lambda: self.of(Started, command_id)))[0]
        return started

    def output(self, command_id: str, stream: str = "stdout") -> bytes:
        """Return the live output of a command so far."""
        return b"".join(chunk.data for chunk in self.of(OutputChunk, command_id) if chunk.stream == stream)


class CommandBox:
    """One host's executor in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = SigningKey.generate()
        self.box = EventBox()
        self.policy = folder / "policy.toml"
        self.actions = folder / "actions"
        self.actions.mkdir(mode=0o755, exist_ok=True)
        self.allow(ALLOW_ALL)
        self.standing: Standing | None = Standing(HOST, may_run=True, keys=(self.key.public_key,))
        self.settings = CommandSettings(actions=self.actions, policy=self.policy)

    def allow(self, text: str) -> None:
        """Write the host's policy."""
        self.policy.write_text(text)
        self.policy.chmod(0o644)

    def define(self, name: str, text: str) -> Action:
        """Write an action file of the host and return the action."""
        from nagare.config.actions.load import load_actions

        (self.actions / f"{name}.toml").write_text(f'name = "{name}"\nversion = 1\ntitle = "Test"\n{text}')
        return load_actions(self.actions)[name]

    def script(self, name: str, script: str, **more: str) -> Action:
        """Write an action that runs a fixed shell script; ``more`` are further lines of its file."""
        lines = "".join(f"{key} = {value}\n" for key, value in more.items() if key != "limits")
        limits = f"[limits]\n{more['limits']}\n" if "limits" in more else ""
        return self.define(name, f"risk = \"none\"\nrun = [['''/bin/sh''', '''-c''', '''{script}''']]\n{lines}{limits}")

    def dispatch(self, action: Action, arguments: Mapping[str, Any] | None = None, /, **changes: Any) -> Dispatch:
        """Return a frame that this host takes now."""
        return dispatch_of(self.key, action, arguments, **{"now_ms": SystemClock().now_ms(), **changes})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Executor, KeptFrames]]:
        """Yield an executor of this host with an outbox."""
        outbox = KeptFrames()
        executor = Executor(self.settings, self.folder / "commands", lambda: self.standing, self.box, SystemClock())
        async with executor:
            await executor.attach(outbox)
            yield executor, outbox

    async def run(self, action: Action, arguments: Mapping[str, Any] | None = None, /, **changes: Any) -> CommandResult:
        """Run one command, with all the credit that its output can use, and return its result."""
        dispatch = self.dispatch(action, arguments, **changes)
        async with self.running() as (executor, outbox):
            await executor.receive(dispatch)
            await executor.receive(Credit(id_of(dispatch), 2**30))
            return await outbox.result(id_of(dispatch))
