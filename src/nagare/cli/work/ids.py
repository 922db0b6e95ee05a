"""Ids of tasks are long: the first characters are enough where they fit one task alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nagare.errors import InputError
from nagare.lib.plain_text import plain

if TYPE_CHECKING:
    from nagare.client.tasks import TaskCalls

# Fewer characters fit others too soon.
_WHOLE, _SHORTEST = 32, 4
# Who means an older task takes its whole id.
_LOOKED_AT = 1000


async def find_task_id(calls: TaskCalls, text: str) -> str:
    """Return the id that ``text`` is, or with which the only one of the newest tasks begins; else ``text`` itself.

    Raises InputError where several begin so: what is cancelled must never be another one's.
    """
    # As a narrow table writes it.
    begin = text.removesuffix("…")
    if not _SHORTEST <= len(begin) < _WHOLE:
        return text
    found = [task.id for task in await calls.tasks(limit=_LOOKED_AT) if task.id.startswith(begin)]
    if len(found) > 1:
        raise InputError(
            f"cannot use task {plain(begin)}: {len(found)} tasks begin so", hint="give more of it, or the whole id"
        )
    return found[0] if found else text
