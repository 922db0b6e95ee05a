"""The hybrid of runs and bits, in which Parquet tells which values are there and which of a dictionary they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nagare.metrics.parquet.thrift import varint
from nagare.metrics.parquet.varints import varints


def run_starts(values: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return where each run of equal ``values`` begins; none is empty."""
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))


def in_runs(indexes: NDArray[np.int64], lengths: NDArray[np.int64], width: int) -> bytes:
    """Return runs of ``lengths`` of numbers that take ``width`` bits."""
    heads, counts = varints(lengths.astype(np.uint64) << np.uint64(1))
    columns = -(-width // 8)
    places = indexes.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :columns]
    rows = np.hstack([heads, places])
    made: bytes = rows[np.hstack([counts, np.ones(places.shape, bool)])].tobytes()
    return made


def levels(is_there: NDArray[np.bool_]) -> bytes:
    """Return which of a page's values are there: as runs, or as bits where that is shorter."""
    starts = run_starts(is_there)
    groups = -(-len(is_there) // 8)
    if 2 * len(starts) > groups:
        return varint(groups << 1 | 1) + np.packbits(is_there, bitorder="little").tobytes()
    return in_runs(is_there[starts].astype(np.int64), np.diff(np.append(starts, len(is_there))), 1)
