"""The same fleet in line protocol, as Telegraf writes it: a line for each device with all its fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from nagare.model.samples import Series
from tests.support.flood import Request
from tests.support.node_fleet import Fleet
from tests.support.node_samples import KINDS

HEADERS = {"Content-Type": "text/plain; charset=utf-8"}
# What tells apart the fields of one line instead of the lines.
_FIELD_LABELS = {"mode", "collector"}
_NAME = re.compile(r"(?:node_)?(cpu|network|disk|memory|filesystem)_(\w+)")


def line_place(series: Series) -> tuple[str, str]:
    """Return the measurement with its tags, and the field, that a series becomes."""
    found = _NAME.fullmatch(series.name)
    measurement, field = (found[1], found[2]) if found else ("system", series.name)
    tags = {name: value for name, value in series.labels if name not in _FIELD_LABELS | {"instance", "job", "revision"}}
    parts = [field, *(value for name, value in series.labels if name in _FIELD_LABELS)]
    if measurement == "system":
        tags = {name: value for name, value in tags.items() if name in ("datacenter", "region")}
    pairs = "".join(f",{name}={value}" for name, value in sorted({**tags, "host": series.host}.items()))
    return measurement + pairs, "_".join(parts)


def lines(fleet: Fleet, lanes: int) -> Iterator[Request]:
    """Yield a request for each tick and lane, times in milliseconds."""
    places = [line_place(series) for series in fleet.series]
    lane_lines = []
    for lane in range(lanes):
        part = sorted(fleet.part(lane, lanes).tolist(), key=lambda number: (number // len(KINDS), places[number][0]))
        groups = groupby(part, key=lambda number: (number // len(KINDS), places[number][0]))
        lane_lines.append([(head, list(numbers)) for (_, head), numbers in groups])
    for tick in range(fleet.ticks):
        values, times = fleet.values[:, tick].tolist(), fleet.base_ms + tick * 5_000 + fleet.offsets_ms
        for lane, made in enumerate(lane_lines):
            text = "\n".join(
                f"{head} {','.join(f'{places[number][1]}={values[number]!r}' for number in numbers)} {times[numbers[0]]}"
                for head, numbers in made
            )
            yield Request(text.encode(), lane, sum(len(numbers) for _, numbers in made))
