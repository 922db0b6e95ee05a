"""What all series have in common, the load, and series without it.

A shop that fills at noon moves half of its series, and a fault hides among them. The common course is the first principal
component of the usual time; at each moment it is what most of its carriers agree on (Tukey's biweight), so that the few that a fault
moves do not move it. What remains of each series is what its load does not explain, as residuals of a regression are in CIRCA
(Li et al., KDD 2022).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nagare.insights.matrix import Floats
from nagare.insights.robust import QUARTILES_APART, row_quantiles

Integers = NDArray[np.int64]
# A course counts as common when so many series follow it, each with that much of its variance.
_CARRIERS_LEAST = 6
_CARRIERS_SHARE = 0.05
_FOLLOWS = 0.35
# How many common courses are looked for, one after the other.
_COURSES = 2
# Series that are asked for the course.
_ASKED = 500
_CLIP = 4.0
_ROUNDS = 6


def without_load(values: Floats, usual: int) -> Floats:
    """Return ``values`` less what their common course explains; the first ``usual`` columns say how they follow it."""
    figures = row_quantiles(values[:, :usual], (0.25, 0.5, 0.75))
    with np.errstate(over="ignore", invalid="ignore"):
        scale = (figures[:, 2] - figures[:, 0]) / QUARTILES_APART
    moving = np.flatnonzero((scale > 0) & np.isfinite(scale))
    if len(moving) < _CARRIERS_LEAST or usual < 4 * _CARRIERS_LEAST:
        return values
    middle, unit = figures[moving, 1], scale[moving]
    # Some of many series know a course as well as all of them.
    asked = np.arange(0, len(moving), -(-len(moving) // _ASKED))
    some = _bounded(values[moving[asked]], middle[asked], unit[asked])
    known = _bounded(values[moving, :usual], middle, unit)
    left = values
    for follows, course in _courses(known, some, asked):
        left = values.copy() if left is values else left
        followers = np.flatnonzero(np.abs(follows) >= _FOLLOWS / 2)
        left[moving[followers]] -= (follows[followers] * scale[moving[followers]])[:, None] * course[None, :]
    return left


def _bounded(values: Floats, middle: Floats, unit: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        bounded: Floats = values - middle[:, None]
        bounded /= unit[:, None]
    np.nan_to_num(bounded, copy=False)
    return np.clip(bounded, -_CLIP, _CLIP, out=bounded)


def _courses(known: Floats, some: Floats, asked: Integers) -> Iterator[tuple[Floats, Floats]]:
    """Yield each common course over the whole time, and how each of all series follows it.

    ``known`` is the usual time of all series, ``some`` the whole time of those that are ``asked``.
    """
    usual = known.shape[1]
    for _ in range(_COURSES):
        follows = _loadings(some[:, :usual])
        carriers = np.flatnonzero(np.abs(follows) >= _FOLLOWS)
        if len(carriers) < max(_CARRIERS_LEAST, _CARRIERS_SHARE * len(follows)):
            return
        course = _agreed(some[carriers], follows[carriers])
        told = course[:usual] - course[:usual].mean()
        all_follow = known @ told / (float(told @ told) or 1.0)
        yield all_follow, course
        some = some - all_follow[asked][:, None] * course[None, :]


def _loadings(scaled: Floats) -> Floats:
    """Return how each series follows the first principal component, a correlation where its variance is 1."""
    course = scaled[int(np.argmax(np.abs(scaled @ scaled.sum(axis=0))))].copy()
    for _ in range(_ROUNDS):
        norm = float(np.linalg.norm(course))
        if norm == 0:
            return np.zeros(len(scaled))
        course = scaled.T @ (scaled @ (course / norm))
    course /= float(np.std(course)) or 1.0
    follows: Floats = scaled @ course / len(course)
    return follows


def _agreed(scaled: Floats, follows: Floats) -> Floats:
    """Return the course at each moment: that on which most of its carriers agree."""
    weights = np.ones_like(scaled)
    course = np.zeros(scaled.shape[1])
    for _ in range(4):
        course = (weights * follows[:, None] * scaled).sum(axis=0) / (
            (weights * follows[:, None] ** 2).sum(axis=0) + 1e-9
        )
        off = scaled - follows[:, None] * course[None, :]
        spread = np.fmax(np.median(np.abs(off), axis=1) * 1.4826, 0.1)
        share = np.minimum(np.abs(off) / (4.0 * spread[:, None]), 1.0)
        weights = (1 - share**2) ** 2
    return course
