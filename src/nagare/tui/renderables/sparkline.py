"""A line of block eighths for a table cell: fixed scale, newest value at the right, gaps stay blank."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nagare.tui.renderables.palette import Palette


def sparkline(values: ArrayLike, width: int, palette: Palette, *, low: float = 0.0, high: float | None = 1.0) -> str:
    """Return exactly ``width`` cells of the last values; ``high`` None scales to their greatest.

    More values than cells are folded by their greatest, so that no spike is lost.
    """
    if width <= 0:
        return ""
    data = np.atleast_1d(np.asarray(values, dtype=np.float64)).ravel()
    if data.size > width:
        data = _fold(data, width)
    known = np.isfinite(data)
    if not known.any():
        return " " * width
    top = high if high is not None else float(data[known].max())
    levels = palette.glyphs.spark
    scaled = _levels(np.where(known, data, 0.0), low, top, len(levels))
    body = "".join(levels[level] if there else " " for level, there in zip(scaled, known.tolist(), strict=True))
    return body.rjust(width)


def _fold(
    data: np.ndarray[tuple[int], np.dtype[np.float64]], width: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the greatest of each of ``width`` equal groups, counted from the newest; NaN where a group has none."""
    group = -(-data.size // width)
    padded = np.full(group * width, np.nan)
    padded[-data.size :] = data
    folded = np.where(np.isfinite(padded), padded, -np.inf).reshape(width, group).max(axis=1)
    return np.where(np.isneginf(folded), np.nan, folded)


def _levels(data: np.ndarray[tuple[int], np.dtype[np.float64]], low: float, high: float, count: int) -> list[int]:
    span = high - low
    if not span > 0 or not np.isfinite(span):
        return [0] * data.size
    share = np.clip((data - low) / span, 0.0, 1.0)
    levels: list[int] = np.minimum((share * count).astype(np.intp), count - 1).tolist()
    return levels
