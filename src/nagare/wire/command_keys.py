"""The keys that sign commands, as people see and replace them; what hosts are told stands in ``commands``."""

from __future__ import annotations

from typing import Annotated

import msgspec


class CommandKeyView(msgspec.Struct, frozen=True):
    """A key that hosts are told of. ``state`` is signs, announced (it will sign) or retiring (what it signed is still taken)."""

    id: str
    state: str
    made_at: str


class CommandKeysView(msgspec.Struct, frozen=True):
    """``GET /api/v1/commands/signing-keys``. ``stage`` is settled, announced or replacing; ``next_step_at`` says when it goes on.

    ``hosts`` counts the connected ones; ``hosts_behind`` names those that did not say that they hold the newest list.
    """

    stage: str
    number: int
    keys: list[CommandKeyView]
    next_step_at: str = ""
    hosts: int = 0
    hosts_behind: list[str] = []


class RotateCommandKey(msgspec.Struct, frozen=True):
    """``POST /api/v1/commands/signing-keys/rotate``: ``confirm`` repeats the id of the key that signs, as one read it.

    ``at_once`` gives hosts no time to learn: for a key that somebody else may have.
    """

    confirm: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    at_once: bool = False
