"""Keeps which shells are open, in memory: their begins and ends are in the audit log, which is what lasts.

A shell belongs to the login that opened it. It tells that it is open every few seconds; by the answer it learns that
the login is over, and closes. One that tells nothing any more is put on record as over.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nagare.errors import LimitExceededError, NotFoundError
from nagare.lib.clock import Clock
from nagare.model.deed import Deed, Outcome
from nagare.model.principal import Principal

AGAIN_SECONDS = 15.0
# Eight signs of life that did not come: a laptop that slept for a minute still finds its shells.
_SILENCE_SECONDS = 120.0
_LIMIT, _OWN_LIMIT = 2000, 100

Record = Callable[[Deed], Awaitable[None]]


@dataclass(slots=True)
class OpenShell:
    """A shell that somebody has open."""

    id: str
    host: str
    owner: Principal
    address: str
    opened: float
    seen: float


class Shells:
    """The open shells of an installation."""

    def __init__(self, record: Record, clock: Clock) -> None:
        """Begin with none; ``record`` puts on record what ends by silence."""
        self._record = record
        self._clock = clock
        self._open: dict[str, OpenShell] = {}

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def open(self, host: str, owner: Principal, address: str) -> OpenShell:
        """Return a new shell of ``owner``. Raises LimitExceededError."""
        own = sum(_key(shell.owner) == _key(owner) for shell in self._open.values())
        if own >= _OWN_LIMIT or len(self._open) >= _LIMIT:
            raise LimitExceededError(
                f"cannot open a shell on {host}: {own} of yours and {len(self._open)} of all are open",
                hint="close some; those that were cut off end by themselves in two minutes",
            )
        now = self._clock.monotonic()
        shell = OpenShell(secrets.token_hex(8), host, owner, address, now, now)
        self._open[shell.id] = shell
        return shell

    def touch(self, shell_id: str, caller: Principal) -> OpenShell:
        """Note that a shell of ``caller`` is open, and return it. Raises NotFoundError."""
        shell = self._get(shell_id, caller)
        shell.seen = self._clock.monotonic()
        return shell

    def close(self, shell_id: str, caller: Principal) -> tuple[OpenShell, float]:
        """Forget a shell of ``caller``; return it and how long it was open, in seconds. Raises NotFoundError."""
        shell = self._get(shell_id, caller)
        del self._open[shell_id]
        return shell, self._clock.monotonic() - shell.opened

    def _get(self, shell_id: str, caller: Principal) -> OpenShell:
        shell = self._open.get(shell_id)
        if shell is None or _key(shell.owner) != _key(caller):
            raise NotFoundError(f"cannot find shell {shell_id[:40]!r} among yours")
        return shell

    async def run(self) -> None:
        """Put shells on record that tell nothing any more, until cancelled."""
        while True:
            await self._clock.sleep(AGAIN_SECONDS)
            await self.end_silent()

    async def end_silent(self) -> None:
        """Forget the shells that told nothing for too long; each is put on record first."""
        now = self._clock.monotonic()
        for shell in [shell for shell in self._open.values() if now - shell.seen > _SILENCE_SECONDS]:
            await self._record(_lost(shell, now))
            self._open.pop(shell.id, None)


def _key(principal: Principal) -> str:
    # A login keeps its session through new tokens; a key or the owner of the directory has none.
    return principal.session_id or principal.id


def _lost(shell: OpenShell, now: float) -> Deed:
    return Deed(
        action="shells.end",
        outcome=Outcome.UNKNOWN,
        actor=shell.owner.name,
        actor_id=shell.owner.id,
        actor_kind=shell.owner.kind.value,
        address=shell.address,
        target=shell.host,
        detail="no sign of life any more",
        after={"id": shell.id, "seconds": round(now - shell.opened)},
    )
