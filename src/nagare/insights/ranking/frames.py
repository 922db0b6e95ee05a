"""From the rows of a file to series on one grid, each with a name that says whose it is."""

from __future__ import annotations

import re

import numpy as np

from nagare.errors import InputError
from nagare.insights.frames import Array, Frame
from nagare.insights.matrix import SeriesMatrix, from_columns, from_points

# Columns of a long file whose value is the metric's name.
_METRIC_COLUMNS = ("metric", "metric_name", "__name__", "kpi", "kpi_name", "measurement", "series", "name", "variable")


def matrix_of(frame: Frame) -> SeriesMatrix:
    """Return the series of ``frame``. Raises InputError when the grid would be too large.

    Series of a wide file are named as their columns, those of a long one as Prometheus would: ``metric{label="value"}``.
    """
    if not frame.by:
        again = re.compile(re.escape(frame.time) + r"[._]?\d+", re.IGNORECASE)
        # A file whose time stands twice has it once more under a name of the reader's making.
        names = [name for name in frame.values if not again.fullmatch(name)]
        if not names:
            raise InputError("cannot rank changes: the file holds no series beside its time")
        return from_columns(names, frame.ts_ms, [frame.values[name] for name in names])
    is_single = len(frame.values) == 1
    series = [
        (_name(frame, label, "" if is_single else column, column), frame.ts_ms[rows], frame.values[column][rows])
        for label, column, rows in frame.series()
    ]
    return from_points(series, _step_ms(frame))


def _name(frame: Frame, label: tuple[str, ...], suffix: str, column: str) -> str:
    labels = dict(zip(frame.by, label, strict=True))
    key = next((name for name in frame.by if name.lower() in _METRIC_COLUMNS), "")
    metric = labels.pop(key, "")
    if metric and not labels:
        return f"{metric}_{suffix}" if suffix else metric
    inside = ",".join(f'{name.lower()}="{_escaped(value)}"' for name, value in labels.items())
    named = "_".join(part for part in (metric, suffix) if part) or column
    return f"{named}{{{inside}}}" if inside else named


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _step_ms(frame: Frame) -> int:
    """Return the usual distance of two rows of one series, at least a millisecond."""
    order = np.lexsort((frame.ts_ms, frame.groups))
    times: Array = frame.ts_ms[order]
    apart = np.diff(times)[(np.diff(frame.groups[order]) == 0) & (np.diff(times) > 0)]
    return max(int(np.median(apart)), 1) if len(apart) else 1
