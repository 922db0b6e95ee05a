"""How far each series stands from what it usually shows, comparable between series of any unit.

After the robust scorer of BARO (Pham et al., FSE 2024), which measures an incident in quartiles of the time before, with three
differences. Not the highest point counts but quantiles, so that one outlier is none. An incident must leave everything that a
window of the time before showed, not its middle alone: what was noisy or seasonal before is so now. And both directions
count, as does a series that falls silent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nagare.insights.matrix import Floats
from nagare.insights.robust import QUARTILES_APART, count_known, row_quantiles

Integers = NDArray[np.int64]
# Low, middle and high of a window: a shift moves all, a ramp the last, bursts the highest.
_SHARES = (0.03, 0.10, 0.50, 0.90, 0.97)
# Windows into which the time before is cut: enough to know their range, few enough to be long.
_WINDOWS_LEAST, _WINDOWS_MOST = 4, 12
_WINDOW_POINTS = 6
# A change below that share of the level itself matters to nobody, however still the series was.
_LEVEL_SHARE = 0.005
# What stood still has no scale: that of the same metric elsewhere serves, else a share of its level; where it was constantly 0
# the incident's own height gives it, so that it counts as ten deviations.
_STILL_SHARE = 0.05
_FROM_NOTHING = 0.1
_PEERS_LEAST = 0.02
# Half of the points that were there before are missing: it fell silent.
_SILENT_SHARE = 0.5
SILENCE = 12.0
# What is sampled rarely may have no point in a short time: so many must be missing.
_EXPECTED = 4


@dataclass(frozen=True, slots=True)
class Deviations:
    """What is known of each series, one row each: ``effect`` in deviations, negative for downwards, 0 for usual."""

    effect: Floats
    before: Floats
    after: Floats
    scale: Floats
    # The side of the usual that the incident left: above it the highest middle of a window, below it the lowest.
    edge: Floats
    is_silent: NDArray[np.bool_]
    is_new: NDArray[np.bool_]


def measure(baseline: Floats, incident: Floats, kinds: Integers | None = None) -> Deviations:
    """Return how far ``incident`` stands from ``baseline``: the same series in rows, times in columns.

    ``kinds`` numbers what each series measures; a series that stood still takes its scale from others of its kind.
    """
    usual = _windows(baseline, incident.shape[1])
    lowest, highest = _range(usual)
    now = row_quantiles(incident, _SHARES)
    whole = row_quantiles(baseline, (0.05, 0.25, 0.5, 0.75, 0.95))
    before = whole[:, 2]
    scale = _scale(whole, now, kinds)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        unit = scale[:, None] + (highest - lowest) / 2
        above = (now - highest) / unit
        below = (lowest - now) / unit
    up, down = _most(above), _most(below)
    effect = np.where(up >= down, np.maximum(up, 0.0), -np.maximum(down, 0.0))
    middle = _SHARES.index(0.5)
    edge = np.where(effect >= 0, highest[:, middle], lowest[:, middle])
    is_silent, is_new = _presence(baseline, incident)
    least = np.maximum(np.abs(effect), SILENCE)
    effect = np.where(is_silent, -least, np.where(is_new, least, effect))
    return Deviations(effect, before, now[:, middle], scale, edge, is_silent, is_new)


def shown(found: Deviations, baseline: Floats, incident: Floats) -> Deviations:
    """Return ``found`` with figures of the series as they were: what was measured may have been less their load."""
    now = row_quantiles(incident, _SHARES)
    side = np.where(found.effect > 0, len(_SHARES) - 2, np.where(found.effect < 0, 1, _SHARES.index(0.5)))
    after = np.take_along_axis(now, side[:, None], axis=1)[:, 0]
    return replace(found, before=row_quantiles(baseline, (0.5,))[:, 0], after=after)


def _windows(baseline: Floats, points: int) -> Floats:
    rows, width = baseline.shape
    wanted = min(max(width // max(points, 1), _WINDOWS_LEAST), _WINDOWS_MOST)
    count = max(min(wanted, width // _WINDOW_POINTS), 1)
    if width == 0:
        return np.full((rows, 1, len(_SHARES)), np.nan)
    long = width // count
    # The newest points make whole windows; the few oldest that are left over belong to none.
    cut = np.ascontiguousarray(baseline[:, width - long * count :]).reshape(rows * count, long)
    return row_quantiles(cut, _SHARES).reshape(rows, count, len(_SHARES))


def _range(usual: Floats) -> tuple[Floats, Floats]:
    is_gap = np.isnan(usual)
    lowest = np.where(is_gap, np.inf, usual).min(axis=1)
    highest = np.where(is_gap, -np.inf, usual).max(axis=1)
    is_empty = is_gap.all(axis=1)
    return np.where(is_empty, np.nan, lowest), np.where(is_empty, np.nan, highest)


def _scale(whole: Floats, now: Floats, kinds: Integers | None) -> Floats:
    """Return each series' scale from the five quantiles of its ``whole`` baseline and those of the incident ``now``."""
    # Of a normal distribution the outer ones stand 3.29 deviations apart; heavier tails may count for two thirds of theirs.
    with np.errstate(over="ignore", invalid="ignore"):
        moving = np.fmax((whole[:, 3] - whole[:, 1]) / QUARTILES_APART, (whole[:, 4] - whole[:, 0]) / 3.29 / 1.5)
    before = whole[:, 2]
    level = np.nan_to_num(np.abs(before))
    still = ~(moving > 0)
    scale = np.where(still, _STILL_SHARE * level, np.fmax(moving, _LEVEL_SHARE * level))
    if kinds is not None:
        scale[still] = np.fmax(scale[still], _of_kind(moving, kinds)[still])
    reach = np.fmax(np.abs(now[:, 0]), np.abs(now[:, -1]))
    scale[still] = np.where(scale[still] > 0, np.fmax(scale[still], _PEERS_LEAST * reach[still]), scale[still])
    own = _FROM_NOTHING * reach
    scale = np.where(scale > 0, scale, own)
    return np.where(scale > 0, scale, 1.0)


def _of_kind(moving: Floats, kinds: Integers) -> Floats:
    """Return for each series the median scale of those of its kind that move, 0 where none does."""
    scales = np.zeros(int(kinds.max()) + 1 if len(kinds) else 0)
    is_moving = moving > 0
    for kind in np.unique(kinds[~is_moving]):
        peers = moving[is_moving & (kinds == kind)]
        scales[kind] = np.median(peers) if len(peers) else 0.0
    return scales[kinds]


def _no_gaps(values: Floats) -> Floats:
    return np.where(np.isnan(values), -np.inf, values)


def _most(values: Floats) -> Floats:
    most = _no_gaps(values).max(axis=1)
    return np.where(np.isfinite(most), most, 0.0)


def _presence(baseline: Floats, incident: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    # At the end of the baseline: what fell silent long before has nothing to do with the incident.
    recent = baseline[:, -max(baseline.shape[1] // _WINDOWS_LEAST, 1) :]
    was = count_known(recent) / max(recent.shape[1], 1)
    now = count_known(incident) / max(incident.shape[1], 1)
    is_silent = (was * incident.shape[1] >= _EXPECTED) & (now < was * (1 - _SILENT_SHARE))
    is_new = (now * recent.shape[1] >= _EXPECTED) & (was < now * (1 - _SILENT_SHARE))
    return is_silent, is_new
