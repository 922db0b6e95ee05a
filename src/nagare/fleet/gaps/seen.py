"""What a stored batch says of time: the moments at which its agent spoke of itself; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nagare.fleet.gaps.timeline import Tick

# The agent's own row, once in each of its intervals.
TABLE, OWN = "agent", "agent"


def find_seen(boot: str, seq: int, tables: Mapping[str, Mapping[str, Sequence[Any]]]) -> tuple[Tick, Tick, bool] | None:
    """Return the first and last such moment, and whether nothing waited on disk then; None for a batch without one."""
    columns = tables.get(TABLE)
    if columns is None:
        return None
    stamps, names = columns.get("ts") or (), columns.get("collector") or ()
    own = [index for index, name in enumerate(names) if name == OWN]
    if not own:
        return None
    newest = max(own, key=lambda index: int(stamps[index]))
    waiting = columns.get("spool_batches")
    is_all = waiting is not None and waiting[newest] == 0
    low = min(int(stamps[index]) for index in own)
    return Tick(low, boot, seq), Tick(int(stamps[newest]), boot, seq), is_all
