"""What the store's counters tell of what was stored; each takes the writer's answer and gives it back as what it is."""

from __future__ import annotations

from nagare.errors import StorageError
from nagare.lib.counters import Counters
from nagare.metrics.wal.writer import Reply
from nagare.model.samples import SamplesReply
from nagare.model.wide import WideReply
from nagare.wire.batch import BatchReply


def count_batch(counters: Counters, reply: Reply) -> BatchReply:
    """Count a batch."""
    if not isinstance(reply, BatchReply):
        raise StorageError("cannot store batch: the writer answered for something else")
    counters.add("batches")
    counters.add("rows", reply.accepted)
    if reply.duplicate:
        counters.add("duplicates")
    if reply.refused:
        counters.add("refused_rows", sum(len(refusal.rows) for refusal in reply.refused))
    return reply


def count_events(counters: Counters, reply: Reply) -> list[bool]:
    """Count events that came by themselves."""
    if not isinstance(reply, list):
        raise StorageError("cannot store events: the writer answered for something else")
    counters.add("events", sum(reply))
    return reply


def count_samples(counters: Counters, reply: Reply) -> SamplesReply:
    """Count samples."""
    if not isinstance(reply, SamplesReply):
        raise StorageError("cannot store samples: the writer answered for something else")
    counters.add("samples", reply.accepted)
    counters.add("duplicate_samples", reply.duplicate)
    if reply.refused:
        counters.add("refused_samples_stale", reply.refused.get("stale", 0))
        counters.add("refused_samples_future", reply.refused.get("future", 0))
        counters.add("refused_samples_cardinality", reply.refused.get("cardinality", 0))
    return reply


def count_wide(counters: Counters, reply: Reply) -> WideReply:
    """Count foreign rows."""
    if not isinstance(reply, WideReply):
        raise StorageError("cannot store lines: the writer answered for something else")
    counters.add("foreign_rows", reply.accepted)
    if reply.refused:
        counters.add("refused_foreign_rows", len(reply.refused))
    return reply
