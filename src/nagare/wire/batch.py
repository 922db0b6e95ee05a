"""The agent's batch: columns of many tables from one host, version 1."""

from __future__ import annotations

import msgspec

BATCH_VERSION = 1
# The content type of a batch that is not in binary.
JSON = "application/json"
Cell = float | int | str | bool | None | dict[str, str]
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
# A label or an error text is a line, not a document; the longest command lines are far below.
TEXT_LIMIT = 65_536


class Batch(msgspec.Struct, frozen=True):
    """Samples sent together. (``host``, ``boot``, ``seq``) names the batch for ever; ``ts`` columns are Unix milliseconds."""

    v: int
    host: str
    boot: str
    seq: int
    tables: dict[str, dict[str, list[Cell]]]
    # The seqs of batches that this one stands for, after the sender thinned them.
    replaces: list[int] = []
    # First and last moment, Unix milliseconds, between which the sender left batches out; empty when it did not.
    thinned: list[int] = []


class BatchOutline(msgspec.Struct, frozen=True):
    """A batch whose tables are not looked into."""

    v: int
    host: str
    boot: str
    seq: int
    tables: dict[str, msgspec.Raw]
    replaces: list[int] = []


class Refusal(msgspec.Struct, frozen=True):
    """Rows of one table that were not stored, by their index in the batch."""

    table: str
    rows: list[int]
    reason: str


class BatchReply(msgspec.Struct, frozen=True):
    """What became of a batch; ``accepted`` counts rows."""

    accepted: int
    duplicate: bool = False
    refused: list[Refusal] = []
