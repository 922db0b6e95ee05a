"""Looking at the key that signs commands, replacing it, and seeing that hosts learn of it before it signs.

The disk first, then memory, and agents in the same moment as memory: no command that the new key signed is on a connection
before the list that names it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nagare.commands.agents import AgentLink, Agents
from nagare.commands.signing import Signer
from nagare.errors import ConflictError, NagareError, StorageError
from nagare.keys.command_keys import key_id
from nagare.keys.command_lists import CommandKeyring, KeyringFiles, Stage
from nagare.lib.clock import Clock
from nagare.lib.rfc3339 import format_ms
from nagare.wire.command_keys import CommandKeysView, CommandKeyView, RotateCommandKey
from nagare.wire.commands import KeysOffered

T = TypeVar("T")
log = logging.getLogger(__name__)
_ROUND_SECONDS = 60.0
_STATES = {
    Stage.SETTLED: ("signs",),
    Stage.ANNOUNCED: ("signs", "announced"),
    Stage.REPLACING: ("signs", "retiring"),
}


class KeyDesk:
    """Changes the keyring of a signer. ``run`` makes the steps that are due, until cancelled."""

    def __init__(self, signer: Signer, files: KeyringFiles, agents: Agents, clock: Clock, grace_seconds: float) -> None:
        """Keep the parts."""
        self._signer = signer
        self._files = files
        self._agents = agents
        self._clock = clock
        self._grace_ms = round(grace_seconds * 1000)
        # One change after the other: each begins from the keyring that the one before left.
        self._changing = asyncio.Lock()

    async def run(self) -> None:
        """Make the steps of a change when they are due."""
        while True:
            try:
                await self.advance()
            except NagareError as error:
                log.warning("command_key_not_changed: %s", error.message)
            await self._clock.sleep(_ROUND_SECONDS)

    async def advance(self) -> None:
        """Make the next step, if it is due. Raises StorageError."""
        async with self._changing:
            keyring = self._signer.keyring
            await self._use(keyring.advanced(self._clock.now_ms(), self._grace_ms))

    async def rotate(self, request: RotateCommandKey) -> CommandKeysView:
        """Begin to replace the key that signs, or end it. Raises ConflictError, StorageError."""
        async with self._changing:
            keyring = self._signer.keyring
            signing = key_id(keyring.signing.public_key)
            if request.confirm != signing:
                raise ConflictError(
                    f"cannot rotate the key of commands: {signing[:16]} signs, and another one was confirmed",
                    hint="look at `nagare commands keys list` again",
                )
            await self._use(keyring.rotated(self._clock.now_ms(), at_once=request.at_once))
        return self.view()

    def view(self) -> CommandKeysView:
        """Return the keys that hosts are told of, how far a change is, and how many of the connected hosts know it."""
        keyring = self._signer.keyring
        stage, newest = keyring.stage, keyring.newest
        keys = [
            CommandKeyView(key_id(key), state, format_ms(keyring.made_ms(key)))
            for key, state in zip(newest.keys, _STATES[stage], strict=True)
        ]
        links = [link for link in self._agents if link.is_ready]
        due = "" if stage is Stage.SETTLED else format_ms(keyring.lists[-1].made_ms + self._grace_ms)
        return CommandKeysView(
            stage=stage.value,
            number=newest.number,
            keys=keys,
            next_step_at=due,
            hosts=len(links),
            hosts_behind=[link.host for link in links if link.keys_number < newest.number],
        )

    def offer(self, link: AgentLink) -> None:
        """Tell an agent the list that it lacks, if it takes one on this connection."""
        newest = self._signer.keyring.newest
        if 0 < link.keys_number < newest.number:
            link.put(KeysOffered(self._signer.keys))
            link.keys_number = newest.number

    async def _use(self, keyring: CommandKeyring) -> None:
        if keyring is self._signer.keyring:
            return
        await _in_thread(lambda: self._files.save(keyring))
        self._signer.keyring = keyring
        for link in self._agents:
            self.offer(link)
        log.info("command_keys number=%d stage=%s", keyring.newest.number, keyring.stage)


async def _in_thread(work: Callable[[], T]) -> T:
    # A key is changed once in months: a thread for each step costs nothing.
    with ThreadPoolExecutor(1, thread_name_prefix="command-keys") as threads:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        except OSError as error:
            raise StorageError(f"cannot write the keys of commands: {error.strerror or error}") from error
