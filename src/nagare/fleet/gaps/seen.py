"""What a stored batch says of time: when its agent spoke of itself, and what it left out or gave up; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nagare.fleet.gaps.timeline import UNKNOWN_SEQ, Tick

# The agent's own row, once in each of its intervals.
TABLE, OWN = "agent", "agent"
# The event by which an agent tells of batches that it gave up; its attributes say from when until when.
_EVENTS, _DROPPED = "events", "agent.batches_dropped"


@dataclass(frozen=True, slots=True)
class Seen:
    """Between ``low`` and ``high`` all has arrived, or with ``is_thinned`` all that will; None where nothing is said.

    ``is_all``: nothing waited on disk then. ``given_up`` are spans that will never arrive, Unix milliseconds.
    """

    low: Tick | None
    high: Tick | None
    is_all: bool = False
    is_thinned: bool = False
    given_up: tuple[tuple[int, int], ...] = ()

    @property
    def is_word(self) -> bool:
        """Whether the agent alone knows it: no stored sample says the same."""
        return self.is_thinned or bool(self.given_up)


def find_seen(
    boot: str, seq: int, thinned: Sequence[int], tables: Mapping[str, Mapping[str, Sequence[Any]]]
) -> Seen | None:
    """Return what the batch says of time; None when it says nothing."""
    given_up = tuple(_given_up(tables[_EVENTS])) if _EVENTS in tables else ()
    if len(thinned) == 2:
        # What stands for others was never one of the numbers that an agent counts.
        low, high = (Tick(at_ms, boot, UNKNOWN_SEQ) for at_ms in sorted(thinned))
        return Seen(low, high, is_all=False, is_thinned=True, given_up=given_up)
    own = _find_own(boot, seq, tables)
    if own is not None:
        return Seen(*own, given_up=given_up)
    return Seen(None, None, given_up=given_up) if given_up else None


def _given_up(events: Mapping[str, Sequence[Any]]) -> Iterator[tuple[int, int]]:
    for kind, attributes in zip(events.get("kind") or (), events.get("attributes") or (), strict=False):
        if kind == _DROPPED and isinstance(attributes, Mapping):
            texts = [str(attributes.get(name, "")) for name in ("from_ms", "until_ms")]
            moments = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 16]
            if len(moments) == 2 and 0 < moments[0] <= moments[1]:
                yield moments[0], moments[1]


def _find_own(boot: str, seq: int, tables: Mapping[str, Mapping[str, Sequence[Any]]]) -> tuple[Tick, Tick, bool] | None:
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
