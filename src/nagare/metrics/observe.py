"""The steps of the store that a test may watch, time, or die at; production observes nothing."""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Hears the name of each step just after it happened, on the thread that did it."""

    def step(self, name: str) -> None:
        """Take note of the step ``name``."""
        ...


class NoObserver:
    """Hears nothing."""

    def step(self, name: str) -> None:
        """Do nothing."""


# Every step, in the order of a batch's life; the crash test kills the process at each.
STEPS = (
    "log_appended",
    "log_synced",
    "before_ack",
    "head_sealed",
    "series_written",
    "block_written",
    "blocks_written",
    "checkpoint_written",
    "blocks_committed",
    "log_dropped",
    "rollup_written",
    "rollup_committed",
    "compaction_written",
    "compaction_committed",
    "recompression_written",
    "recompression_committed",
)
# Those of rows that leave the records.
HISTORY_STEPS = ("history_written", "history_committed")
# Those of a store that has a bucket.
BUCKET_STEPS = ("block_sent", "catalog_sent", "block_removed")
