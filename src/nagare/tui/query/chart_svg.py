"""A chart as a drawing in SVG: a file that opens everywhere and stays sharp, with nothing from elsewhere in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from html import escape

import numpy as np

from nagare.lib.plain_text import plain
from nagare.tui.query.charting import Drawing
from nagare.tui.renderables.chart_model import Line
from nagare.tui.renderables.palette import Palette
from nagare.tui.renderables.time_axis import TimeWindow
from nagare.tui.renderables.value_axis import Scale, format_tick, make_scale

_WIDTH, _HEIGHT = 960, 480
_FONT = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="13"'
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 24, 48, 64
# More points than that are more than the drawing can show.
_POINTS_LIMIT = 4000


def chart_svg(drawing: Drawing, window: TimeWindow, palette: Palette, zone: tzinfo | None = None) -> str:
    """Return the drawing of the lines in ``window``."""
    values = [value for line in drawing.lines for value in _numbers(line) if math.isfinite(value)]
    scale = make_scale(min(values, default=0.0), max(values, default=1.0), drawing.unit, 5)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" {_FONT}>',
        f'<rect width="100%" height="100%" fill="{palette.background}"/>',
        _text(_LEFT, 28, drawing.title, palette.foreground, 'font-size="16" font-weight="bold"'),
        *([_text(_LEFT, 43, drawing.subtitle, palette.muted, 'font-size="12"')] if drawing.subtitle else []),
        *_axes(drawing, window, scale, palette, zone),
        *_lines(drawing.lines, window, scale, palette),
        *_legend(drawing.lines, palette),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _text(x: float, y: float, text: str, colour: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" {more}>{escape(plain(text))}</text>'


def _x(window: TimeWindow, ts_ms: float) -> float:
    return _LEFT + (ts_ms - window.start_ms) / window.span_ms * (_WIDTH - _LEFT - _RIGHT)


def _y(scale: Scale, value: float) -> float:
    return _HEIGHT - _BOTTOM - scale.position(value) * (_HEIGHT - _TOP - _BOTTOM)


def _axes(drawing: Drawing, window: TimeWindow, scale: Scale, palette: Palette, zone: tzinfo | None) -> Iterator[str]:
    for tick in scale.ticks:
        y = _y(scale, tick)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{palette.faint}"/>'
        yield _text(_LEFT - 8, y + 4, format_tick(tick, drawing.unit, scale.step), palette.muted, 'text-anchor="end"')
    for mark in window.ticks(72, zone, room=9):
        x = _x(window, mark.ts_ms)
        yield _text(x, _HEIGHT - _BOTTOM + 20, mark.text, palette.muted, 'text-anchor="middle"')


def _lines(lines: Sequence[Line], window: TimeWindow, scale: Scale, palette: Palette) -> Iterator[str]:
    yield f'<svg x="0" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT - _TOP - _BOTTOM + 2}" overflow="hidden">'
    for number, line in enumerate(lines):
        for run in _runs(line, window, scale):
            points = " ".join(f"{x:.1f},{y - _TOP:.1f}" for x, y in run)
            colour, dash = _look(line, number, palette)
            if len(run) == 1:
                yield f'<circle cx="{run[0][0]:.1f}" cy="{run[0][1] - _TOP:.1f}" r="2" fill="{colour}"/>'
            else:
                yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>'
    yield "</svg>"


def _look(line: Line, number: int, palette: Palette) -> tuple[str, str]:
    """Return the colour of a line, and how it is dashed where it is of another time."""
    return (palette.muted, ' stroke-dasharray="5 4"') if line.is_compared else (palette.series_colour(number), "")


def _runs(line: Line, window: TimeWindow, scale: Scale) -> Iterator[list[tuple[float, float]]]:
    """Yield the parts of a line between its holes."""
    times, values = np.asarray(line.ts_ms, dtype=np.int64), np.asarray(_numbers(line))
    step = max(1, len(times) // _POINTS_LIMIT)
    run: list[tuple[float, float]] = []
    for ts_ms, value in zip(times[::step].tolist(), values[::step].tolist(), strict=True):
        if math.isfinite(value):
            run.append((_x(window, ts_ms), _y(scale, value)))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _numbers(line: Line) -> list[float]:
    found: list[float] = np.asarray(line.values, dtype=np.float64).tolist()
    return found


def _legend(lines: Sequence[Line], palette: Palette) -> Iterator[str]:
    x = float(_LEFT)
    for number, line in enumerate(lines):
        name = plain(line.name, 28)
        yield f'<rect x="{x:.1f}" y="{_HEIGHT - 28}" width="10" height="10" fill="{_look(line, number, palette)[0]}"/>'
        yield _text(x + 15, _HEIGHT - 18, name, palette.foreground)
        x += 15 + 8 * len(name) + 18
