"""Statistics that move along with rows: of many series at a time, a few rows at a time, carrying what came before.

Every function takes rows as (series, rows), and gives for each row what holds *before* it: nothing looks ahead. Rows
given one by one and rows given in one piece lead to the same, but for the last bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def gains(seen: Array, count: int, least: float) -> Array:
    """Return the weight of each of the next ``count`` rows in a mean that first averages plainly, then forgets.

    ``seen`` are the rows that each series had before.
    """
    plain: Array = 1.0 / (seen[:, None] + np.arange(1.0, count + 1.0))
    return np.maximum(plain, least)


def exponential(before: Array, rows: Array, gain: Array) -> tuple[Array, Array]:
    """Return the exponentially weighted mean before each row, and the one after the last.

    ``rows`` may be several looks at the same, (looks, series, rows), and ``before`` the means of each.
    """
    # A copy, as it may be a view of what moves on.
    first = before[..., None].copy()
    if rows.shape[-1] == 1:
        after: Array = rows - first
        after *= gain
        after += first
        return first, after[..., 0]
    # The very first row is the mean itself; a kept share of nought could not be divided by.
    kept = np.cumprod(np.maximum(1.0 - gain, 1e-12), axis=-1)
    after = kept * (first + np.cumsum(gain * rows / kept, axis=-1))
    return np.concatenate((first, after[..., :-1]), axis=-1), after[..., -1]


def windowed_means(held: Array, rows: Array, width: int) -> Array:
    """Return the mean of the last ``width`` rows at each row, itself among them; ``held`` are those before."""
    joined = np.concatenate((held[:, held.shape[1] - width + 1 :], rows), axis=1)
    means: Array = np.lib.stride_tricks.sliding_window_view(joined, width, axis=1).mean(axis=2)
    return means


def trailing_greatest(held: Array, rows: Array) -> Array:
    """Return the greatest of the rows before each row, of as many as are ``held``."""
    width = held.shape[-1]
    joined = np.concatenate((held, rows[..., :-1]), axis=-1)
    if rows.shape[-1] == 1:
        greatest: Array = joined.max(axis=-1, keepdims=True)
        return greatest
    return _greatest_in(joined, width)


def _greatest_in(joined: Array, width: int) -> Array:
    """Return the greatest in each window of ``width``, in a time that does not depend on it.

    van Herk, "A fast algorithm for local minimum and maximum filters" (Pattern Recognition Letters, 1992).
    """
    *series, length = joined.shape
    count, whole = length - width + 1, -(-length // width) * width
    padded = np.full((*series, whole), -np.inf)
    padded[..., :length] = joined
    blocks = padded.reshape(*series, -1, width)
    ahead = np.maximum.accumulate(blocks, axis=-1).reshape(*series, whole)
    back = np.maximum.accumulate(blocks[..., ::-1], axis=-1)[..., ::-1].reshape(*series, whole)
    greatest: Array = np.maximum(back[..., :count], ahead[..., width - 1 : width - 1 + count])
    return greatest


def shifted(held: Array, rows: Array) -> Array:
    """Return what is held after ``rows``: the last ones, as many as before."""
    return np.concatenate((held, rows), axis=-1)[..., -held.shape[-1] :]
