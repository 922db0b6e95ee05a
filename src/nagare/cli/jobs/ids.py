"""Ids of jobs are long: the first characters are enough where they fit one job alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nagare.errors import InputError
from nagare.lib.plain_text import plain

if TYPE_CHECKING:
    from nagare.client.commands import Commands

# A whole id is at least as long; fewer characters than the shortest fit others too soon.
_WHOLE, _SHORTEST = 32, 4
# Who means an older job takes its whole id.
_LOOKED_AT = 1000


async def find_job_id(calls: Commands, text: str) -> str:
    """Return the id that ``text`` is, or with which the only one of the newest jobs begins; else ``text`` itself.

    Raises InputError where several begin so: what is approved or cancelled must never be another one's.
    """
    # As a narrow table writes it.
    begin = text.removesuffix("…")
    if not _SHORTEST <= len(begin) < _WHOLE:
        return text
    found = [job.id for job in await calls.jobs(limit=_LOOKED_AT) if job.id.startswith(begin)]
    if len(found) > 1:
        raise InputError(
            f"cannot use job {plain(begin)}: {len(found)} jobs begin so", hint="give more of it, or the whole id"
        )
    return found[0] if found else text
