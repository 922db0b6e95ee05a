"""Fewer moments of the same time: what stays of a segment's batches when the spool needs room; pure.

Of two neighbours the later one stays as it is, under its own name: counters lose nothing by it, and a value that stands
is one that was measured. The earlier one stays too when it has a table that the later one lacks, for what is collected
seldom would vanish else. One batch of a new name stands for all that are left out: it lists them, and carries their
events, which the server knows by their ids. So whichever of them had arrived already, nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nagare.agent.batches import TableSet, Waiting, pack, unpack_body
from nagare.errors import NagareError
from nagare.wire.batch import BATCH_VERSION, Batch, Cell
from nagare.wire.binary_batch import read_outline
from nagare.wire.codec import decode

# A batch that stands for others is named beyond every number of an agent's own, by how often they were thinned.
_NAMES = 2**40
# One of sixteen moments stays; beyond it a segment keeps its events alone.
LEVEL_LIMIT = 4
EVENTS_LEVEL = LEVEL_LIMIT + 1
_EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Thinned:
    """What stays, in order of index, and how many batches of samples were left out."""

    kept: list[Waiting]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Sketch:
    """What matters of one batch: its name, its tables other than events, its events, and whom it stands for."""

    waiting: Waiting
    host: str
    boot: str
    seq: int
    tables: frozenset[str]
    events: dict[str, list[Cell]]
    replaces: tuple[int, ...]


@dataclass(slots=True)
class _Group:
    """The batches of one start of an agent: those that stay, and those that one stands for."""

    kept: list[_Sketch] = field(default_factory=list)
    out: list[_Sketch] = field(default_factory=list)
    # The one that stays and has taken nobody's place yet: batches come from the newest on.
    later: _Sketch | None = None


def thin(batches: Sequence[Waiting], level: int) -> Thinned:
    """Return what stays of ``batches``, the oldest first, once they are thinned for the ``level``-th time."""
    groups: dict[tuple[str, str], _Group] = {}
    kept: list[Waiting] = []
    left_out = 0
    for waiting in reversed(batches):
        sketch = _sketch(waiting)
        if sketch is None:
            # Nothing of it can be told; the server will say what it thinks of it.
            kept += [_at_level(waiting, level)] if level < EVENTS_LEVEL else []
            left_out += level == EVENTS_LEVEL
            continue
        group = groups.setdefault((sketch.host, sketch.boot), _Group())
        if _stays(sketch, group, level):
            group.kept.append(sketch)
            kept.append(_at_level(waiting, level))
        else:
            group.out.append(sketch)
            left_out += bool(sketch.tables)
    kept += [made for group in groups.values() if (made := _stand_in(group, level)) is not None]
    return Thinned(sorted(kept, key=_index), left_out)


def _stays(sketch: _Sketch, group: _Group, level: int) -> bool:
    if not sketch.tables or level == EVENTS_LEVEL:
        return False
    later, group.later = group.later, None
    if later is not None and sketch.tables <= later.tables:
        return False
    group.later = sketch
    return True


def _stand_in(group: _Group, level: int) -> Waiting | None:
    """Return the batch that stands for those left out; None when there is nothing to say for them."""
    out = group.out
    events = _merge(sketch.events for sketch in reversed(out))
    if not out or (level == EVENTS_LEVEL and not events):
        return None
    oldest = out[-1]
    seqs = sorted({seq for sketch in out for seq in (sketch.seq, *sketch.replaces)})
    name = level * _NAMES + max(seq % _NAMES for seq in seqs)
    span = [] if level == EVENTS_LEVEL else _span(group)
    batch = Batch(BATCH_VERSION, oldest.host, oldest.boot, name, events, seqs, span)
    return Waiting(oldest.waiting.index, pack(batch, oldest.waiting.packed.at_ms, level))


def _span(group: _Group) -> list[int]:
    moments = [sketch.waiting.packed.at_ms for sketch in (*group.kept, *group.out)]
    return [min(moments), max(moments)] if all(moments) else []


def _merge(tables: Iterable[dict[str, list[Cell]]]) -> dict[str, dict[str, list[Cell]]]:
    merged = TableSet()
    for columns in tables:
        merged.add({_EVENTS: columns}, 0)
    return merged.take()


def _sketch(waiting: Waiting) -> _Sketch | None:
    try:
        batch = read_outline(unpack_body(waiting.packed))
        events = decode(bytes(batch.tables[_EVENTS]), dict[str, list[Cell]]) if _EVENTS in batch.tables else {}
    except NagareError:
        return None
    names = frozenset(batch.tables) - {_EVENTS}
    return _Sketch(waiting, batch.host, batch.boot, batch.seq, names, events, tuple(batch.replaces))


def _at_level(waiting: Waiting, level: int) -> Waiting:
    packed = waiting.packed
    return Waiting(waiting.index, type(packed)(packed.host, packed.encoding, packed.body, packed.at_ms, level))


def _index(waiting: Waiting) -> int:
    return waiting.index
