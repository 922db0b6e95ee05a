"""DELTA_BINARY_PACKED: the differences of whole numbers, each block of them less its smallest, in as few bits as they need.

A block has 128 differences in four miniblocks of 32 that have a width of their own. Where rows are runs of series, the
jump from one to the next widens one miniblock only: with those of 256 that DuckDB writes, our samples take half as much
room again. All pages of a call are packed together, because numpy is slow in small pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nagare.metrics.parquet.thrift import varint, zigzag
from nagare.metrics.parquet.varints import varints, zigzags

MINIS = 4
# 32 numbers of w bits are w words of 32 bits, so a miniblock is some of them.
SMALLEST = 32
_WORD_BITS = 32
_LIMITS = np.left_shift(np.uint64(1), np.arange(64, dtype=np.uint64))
_LARGEST = np.iinfo(np.int64).max


def delta_packed(values: NDArray[np.int64], counts: Sequence[int], mini: int = SMALLEST) -> list[bytes]:
    """Return ``values`` as pages of ``counts`` of them each; a miniblock has ``mini`` differences, some times 32."""
    block = MINIS * mini
    offsets = np.cumsum([0, *counts])
    # A page of n values has n - 1 differences; a page of none has no block either.
    blocks = [-(-max(0, count - 1) // block) for count in counts]
    packed, sizes = _pack(*_differences(values, counts, offsets, blocks, block), mini)
    ends = np.cumsum(sizes)
    pages, start, done = [], 0, 0
    for count, offset, many in zip(counts, offsets.tolist(), blocks, strict=False):
        done += many
        end = int(ends[done - 1]) if done else 0
        first = int(values[offset]) if count else 0
        head = varint(block) + varint(MINIS) + varint(count) + zigzag(first)
        pages.append(head + packed[start:end].tobytes())
        start = end
    return pages


def _differences(
    values: NDArray[np.int64], counts: Sequence[int], offsets: NDArray[np.int64], blocks: Sequence[int], block: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return a row of differences, less its smallest, for each block, and the smallest of each."""
    made = np.full(sum(blocks) * block, _LARGEST)
    is_filler = np.ones(len(made), bool)
    start = 0
    for count, offset, many in zip(counts, offsets.tolist(), blocks, strict=False):
        if count > 1:
            end = start + count - 1
            # They wrap as the format's do.
            np.subtract(values[offset + 1 : offset + count], values[offset : offset + count - 1], out=made[start:end])
            is_filler[start:end] = False
        start += many * block
    rows = made.reshape(-1, block)
    smallest = rows.min(axis=1)
    rows -= smallest[:, None]
    made[is_filler] = 0
    return rows.view(np.uint64), smallest


def _pack(
    rows: NDArray[np.uint64], smallest: NDArray[np.int64], mini: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of all blocks, and how many those of each are."""
    minis = rows.reshape(-1, mini)
    widths = np.searchsorted(_LIMITS, minis.max(axis=1, initial=0), side="right").astype(np.uint8)
    lowest, counts = varints(zigzags(smallest))
    heads = np.hstack([lowest, widths.reshape(-1, MINIS)])
    counts = np.hstack([counts, np.ones((len(rows), MINIS), bool)])
    head_sizes = counts.sum(axis=1)
    mini_sizes = widths.reshape(-1, MINIS).astype(np.int64) * (mini // 8)
    sizes = head_sizes + mini_sizes.sum(axis=1)
    starts = np.cumsum(sizes) - sizes
    made = np.empty(int(sizes.sum()), np.uint8)
    made[(starts[:, None] + np.cumsum(counts, axis=1) - 1)[counts]] = heads[counts]
    places = (starts + head_sizes)[:, None] + np.cumsum(mini_sizes, axis=1) - mini_sizes
    _fill(made, minis, widths, places.ravel())
    return made, sizes


def _fill(
    made: NDArray[np.uint8], minis: NDArray[np.uint64], widths: NDArray[np.uint8], places: NDArray[np.int64]
) -> None:
    """Write each of ``minis`` in bits of its width to its place."""
    for width in np.flatnonzero(np.bincount(widths)).tolist():
        if width:
            of_width = np.flatnonzero(widths == width)
            numbers = minis[of_width].reshape(-1, SMALLEST)
            content = _in_bits(np.ascontiguousarray(numbers.T), width).reshape(len(of_width), -1)
            made[places[of_width][:, None] + np.arange(content.shape[1])] = content


def _in_bits(columns: NDArray[np.uint64], width: int) -> NDArray[np.uint8]:
    """Return a row of bytes for each column of 32 numbers, ``width`` bits a number, the lowest first."""
    if width > _WORD_BITS:
        bits = np.unpackbits(columns.T.astype("<u8", order="C").view(np.uint8), axis=1, bitorder="little")
        kept = bits.reshape(-1, SMALLEST, 64)[:, :, :width].reshape(len(bits), -1)
        return np.packbits(kept, axis=1, bitorder="little")
    words = np.empty((width, columns.shape[1]), "<u4")
    buffer, held, word = np.zeros(columns.shape[1], np.uint64), 0, 0
    for column in columns:
        buffer |= column << np.uint64(held)
        held += width
        if held >= _WORD_BITS:
            words[word] = buffer.astype("<u4")
            buffer >>= np.uint64(_WORD_BITS)
            held -= _WORD_BITS
            word += 1
    return np.ascontiguousarray(words.T).view(np.uint8)
