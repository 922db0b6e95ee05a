"""When each of many series left its usual level: Page's CUSUM (1954), over all series at once.

The sum rises while a series stands further out than it usually does, and falls else; the change began where the sum that
rose highest began. Deviations are clipped, so that one outlier is no change (Huber's bound).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nagare.insights.matrix import Floats

Indices = NDArray[np.int64]
# In standard deviations: what a point may weigh at the most, and what counts as usual.
_CLIP = 6.0
_USUAL = 2.0
# As many clipped points as three far ones: fewer are an outlier, not a change.
_ENOUGH = 3 * (_CLIP - _USUAL)


def onsets(values: Floats, center: Floats, scale: Floats, direction: Floats, first: int = 0) -> Indices:
    """Return for each series the index at which it began to deviate, -1 where it did not.

    ``center`` and ``scale`` say what is usual, ``direction`` is 1 for upwards and -1 for downwards; only columns from
    ``first`` on are looked at. A gap neither begins a change nor ends one.
    """
    looked = values[:, first:]
    if looked.size == 0:
        return np.full(len(values), -1, dtype=np.int64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        away = (looked - center[:, None]) * (direction / scale)[:, None]
    steps = np.where(np.isnan(away), 0.0, np.clip(away, -_CLIP, _CLIP) - _USUAL)
    risen = np.cumsum(steps, axis=1)
    before = np.concatenate((np.zeros((len(values), 1)), risen[:, :-1]), axis=1)
    lowest = np.minimum.accumulate(before, axis=1)
    height = risen - lowest
    last = np.argmax(height, axis=1)
    highest = np.take_along_axis(height, last[:, None], axis=1)[:, 0]
    start = np.take_along_axis(lowest, last[:, None], axis=1)
    # The first place where the lowest value before `last` was reached, and a step up from there.
    began = np.argmax(before <= start, axis=1)
    began += _flat_run(before, began)
    return np.where(highest >= _ENOUGH, began + first, -1)


def _flat_run(before: Floats, began: Indices) -> Indices:
    # Where gaps keep the sum level, the change began after them.
    width = before.shape[1]
    level = np.take_along_axis(before, began[:, None], axis=1)
    is_later = np.arange(width)[None, :] > began[:, None]
    differs = is_later & (before != level)
    found = np.where(differs.any(axis=1), np.argmax(differs, axis=1), began + 1)
    return np.maximum(found - 1 - began, 0).astype(np.int64)
