"""An answer as a chart: time along, numbers up, one line for each of what else stands in the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from nagare.lib.plain_text import plain
from nagare.lib.units import Unit
from nagare.tui.query.answer import Answer, is_number, is_time, moment_ms
from nagare.tui.renderables.chart_model import Line
from nagare.tui.renderables.time_axis import TimeWindow
from nagare.tui.renderables.value_axis import unit_of

# As many as can be told apart by colour.
LINES_LIMIT = 8
_NAME_LIMIT = 40
Points = dict[tuple[str, ...], tuple[list[int], list[float]]]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines of one unit over a window, and what was left out. ``subtitle`` stands below the title."""

    lines: tuple[Line, ...]
    unit: Unit
    window: TimeWindow
    title: str
    told: str = ""
    subtitle: str = ""


def why_no_chart(answer: Answer) -> str:
    """Return why an answer cannot be drawn; empty when it can."""
    if not answer.rows:
        return "there are no rows to draw"
    at = _time_column(answer)
    if at is None or all(_stamp(row[at]) is None for row in answer.rows):
        return "a chart wants a column of times: add ts, or time_bucket('1m', ts)"
    if not _number_columns(answer):
        return "a chart wants a column of numbers"
    return ""


def draw_answer(answer: Answer) -> Drawing:
    """Return the chart of ``answer``, of which ``why_no_chart`` said nothing. Takes a while for many rows."""
    at = _time_column(answer)
    assert at is not None
    numbers = _number_columns(answer)
    unit = unit_of(answer.names[numbers[0]])
    drawn = [place for place in numbers if unit_of(answer.names[place]) is unit]
    keys = [
        place for place, type_ in enumerate(answer.types) if place != at and not is_number(type_) and not is_time(type_)
    ]
    points = _points(answer, at, drawn, keys)
    # Those with the greatest values: what is left out is what an eye would look for last.
    ranked = sorted(points.items(), key=lambda item: _greatest(item[1][1]), reverse=True)[:LINES_LIMIT]
    held = dict(sorted(ranked, key=lambda item: item[0]))
    stamps = [stamp for times, _ in held.values() for stamp in (times[0], times[-1])]
    window = TimeWindow(min(stamps), max(*stamps, min(stamps) + 10_000), is_live=False)
    title = ", ".join(plain(answer.names[place], _NAME_LIMIT) for place in drawn)
    return Drawing(tuple(_line(name, *held[name]) for name in held), unit, window, title, _told(points, numbers, drawn))


def _told(points: Points, numbers: Sequence[int], drawn: Sequence[int]) -> str:
    told = []
    if len(points) > LINES_LIMIT:
        told.append(f"{LINES_LIMIT} of {len(points)} series: those with the greatest values")
    if len(numbers) > len(drawn):
        told.append(f"{len(numbers) - len(drawn)} columns of another unit are not drawn")
    return ", ".join(told)


def _time_column(answer: Answer) -> int | None:
    return answer.first_of("TIMESTAMP", "DATE")


def _number_columns(answer: Answer) -> list[int]:
    return [place for place, type_ in enumerate(answer.types) if is_number(type_) and _has_number(answer.rows, place)]


def _has_number(rows: Sequence[Sequence[Any]], place: int) -> bool:
    return any(isinstance(row[place], int | float) for row in rows)


def _points(answer: Answer, at: int, drawn: Sequence[int], keys: Sequence[int]) -> Points:
    """Return stamps and values by series; a series is what else stands in the row, and the column where several are drawn."""
    points: Points = {}
    stamps: dict[Any, int | None] = {}
    for row in answer.rows:
        if row[at] not in stamps:
            stamps[row[at]] = _stamp(row[at])
        stamp = stamps[row[at]]
        if stamp is None:
            continue
        series = tuple("" if row[place] is None else str(row[place]) for place in keys)
        for place in drawn:
            name = (*series, answer.names[place]) if len(drawn) > 1 or not keys else series
            times, values = points.setdefault(name, ([], []))
            times.append(stamp)
            values.append(float(row[place]) if isinstance(row[place], int | float) else math.nan)
    return {name: _in_order(times, values) for name, (times, values) in points.items()}


def _stamp(value: Any) -> int | None:
    # A day has no zone: it begins at midnight, UTC, as everything that is stored.
    text = str(value)
    return moment_ms(f"{text}T00:00:00Z" if len(text) == 10 else text)


def _in_order(times: list[int], values: list[float]) -> tuple[list[int], list[float]]:
    if all(first <= second for first, second in pairwise(times)):
        return times, values
    order = sorted(range(len(times)), key=times.__getitem__)
    return [times[place] for place in order], [values[place] for place in order]


def _greatest(values: Sequence[float]) -> float:
    return max((value for value in values if not math.isnan(value)), default=-math.inf)


def _line(name: tuple[str, ...], times: list[int], values: list[float]) -> Line:
    return Line(plain(" ".join(part for part in name if part), _NAME_LIMIT) or "value", times, values)
