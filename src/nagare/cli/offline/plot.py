"""``nagare plot``: a metric as a chart, in the terminal, as a PNG, or as its points."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nagare.cli.console.completion import complete_metric
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, columns, invocation_of
from nagare.cli.console.moments import parse_window
from nagare.cli.console.output import Rows, write_rows
from nagare.errors import InputError, LimitExceededError
from nagare.lib.nearest import did_you_mean

if TYPE_CHECKING:
    from nagare.cli.offline.metric import Question, Series
    from nagare.tui.renderables.braille_chart import Chart
    from nagare.wire.sql import TableView

app = typer.Typer(add_completion=False)
# More lines than this nobody tells apart; the greatest are drawn, and how many are not is said.
_SHOWN_LINES = 8
_POINTS = 600
# Unless the user says otherwise.
_WINDOW = "1h"
_PNG_SIZE = (1200, 500)
_CHART_ROWS = 18


@app.command()
def plot(
    context: typer.Context,
    metric: str = typer.Argument(
        metavar="METRIC", help="cpu.busy_ratio, or nagare_cpu_busy_ratio.", autocompletion=complete_metric
    ),
    host: list[str] | None = typer.Option(None, "--host", metavar="NAME", help="Only this host; may repeat."),
    where: list[str] | None = typer.Option(
        None, "--where", metavar="KEY=VALUE", help="Only rows with this key; may repeat."
    ),
    by: list[str] | None = typer.Option(
        None, "--by", metavar="KEY", help="One line for each value of this key; may repeat."
    ),
    since: str | None = typer.Option(
        None,
        "--since",
        metavar="WHEN",
        help="Begin of the window: 15m, 14:05, 2026-11-20; else what the last hour has.",
    ),
    until: str | None = typer.Option(None, "--until", metavar="WHEN", help="End of the window, now unless given."),
    aggregate: str = typer.Option("avg", "--agg", metavar="WORD", help="avg, max, min or sum of one step."),
    png: Path | None = typer.Option(None, "--png", metavar="FILE", help="Write a PNG instead."),
    width: int | None = typer.Option(None, "--width", min=20, max=8000, help="Columns, or pixels of the PNG."),
    height: int | None = typer.Option(None, "--height", min=5, max=8000, help="Rows, or pixels of the PNG."),
    ascii_only: bool | None = typer.Option(None, "--ascii", help="Draw with ASCII only."),
) -> None:
    """Draw a metric as a chart in the terminal or a PNG.

    Gaps in the data stay gaps, and no spike is lost: each column shows its least and its greatest sample. In a pipe,
    or with -o json, csv or ndjson, it writes the points.

    Examples:
      nagare plot cpu.busy_ratio --since 1h
      nagare plot cpu.busy_ratio --host web1 --by core
      nagare plot disk.used_ratio --where mount=/ --since 7d --png disk.png
    """
    invocation = invocation_of(context)
    from nagare.cli.offline.metric import find_metric, late_begin
    from nagare.cli.offline.source import describe

    window = _window(since or _WINDOW, until)
    table, column = find_metric(metric, describe(invocation.settings))
    filters = dict(_pair(text) for text in where or [])
    points = (width or _PNG_SIZE[0]) // 2 if png else _POINTS
    question = _question(
        table, column.name, filters, by=by or [], hosts=host or [], window=window, points=points, aggregate=aggregate
    )
    question, series = _fetch(invocation, question, table)
    if since is None and (begin := late_begin(question, series)):
        question, series = _fetch(invocation, question.begun_at(begin), table)
    if png is None and invocation.format is not OutputFormat.TABLE:
        _write_points(invocation, question, series)
        return
    _draw(invocation, question, series, png=png, size=(width, height), ascii_only=ascii_only)


def _fetch(invocation: Invocation, question: Question, table: TableView) -> tuple[Question, list[Series]]:
    from nagare.cli.offline.metric import to_request, to_series
    from nagare.cli.offline.source import ask

    reply = ask(invocation.settings, to_request(question, table))
    if reply.truncated:
        note("nagare: the answer was cut at query.row_limit; name fewer series or a shorter window")
    if not invocation.is_quiet:
        for text in reply.notes:
            note(f"nagare: {text}")
    return replace(question, tier=reply.tier), to_series(question, reply.rows)


def _window(since: str, until: str | None) -> tuple[int, int]:
    since_ms, until_ms = parse_window(since, until or "now")
    assert since_ms is not None
    assert until_ms is not None
    return since_ms, until_ms


def _question(
    table: TableView, column: str, filters: dict[str, str], *, by: list[str], hosts: list[str],
    window: tuple[int, int], points: int, aggregate: str,
) -> Question:  # fmt: skip
    from nagare.cli.offline.metric import AGGREGATES, WHOLE, Question, make_step

    if aggregate not in AGGREGATES:
        raise InputError(
            f"cannot aggregate by {aggregate!r}: there is no such word",
            hint=did_you_mean(aggregate, AGGREGATES) or f"use one of {', '.join(AGGREGATES)}",
        )
    keys = [one.name for one in table.columns if one.kind == "key"]
    whole = WHOLE.get(table.name)
    if whole is not None and whole[0] not in filters and whole[0] not in by:
        filters = {whole[0]: whole[1], **filters}
    chosen = by or [key for key in keys if key not in filters]
    if "host" not in chosen and "host" not in filters:
        chosen = ["host", *chosen]
    step_ms = make_step(window[1] - window[0], max(10, points))
    return Question(
        table=table.name, column=column, by=tuple(chosen), filters=filters, hosts=tuple(hosts),
        since_ms=window[0] - window[0] % step_ms, until_ms=window[1], step_ms=step_ms, aggregate=aggregate,
    )  # fmt: skip


def _write_points(invocation: Invocation, question: Question, series: list[Series]) -> None:
    rows = (
        (_time(ts), *one.keys, value, low, high)
        for one in series
        for ts, value, low, high in zip(one.ts_ms, one.values, one.lows, one.highs, strict=True)
    )
    write_rows(invocation, Rows(("ts", *question.by, question.column, "low", "high"), rows))


def _draw(
    invocation: Invocation, question: Question, series: list[Series], *, png: Path | None,
    size: tuple[int | None, int | None], ascii_only: bool | None,
) -> None:  # fmt: skip
    hidden = len(series) - _SHOWN_LINES
    if hidden > 0 and not invocation.is_quiet:
        note(f"nagare: {hidden} more series are not drawn; choose with --host, --where and --by")
    chart = _chart(question, series[:_SHOWN_LINES])
    if png is not None:
        _write_png(chart, png, size[0] or _PNG_SIZE[0], size[1] or _PNG_SIZE[1])
        if not invocation.is_quiet:
            note(f"nagare: wrote {png}")
        return
    from nagare.tui.renderables.braille_chart import chart_text
    from nagare.tui.renderables.palette import make_palette

    settings = invocation.settings.top
    palette = make_palette(settings.theme, ascii_only=settings.ascii if ascii_only is None else ascii_only)
    lines = chart_text(chart, size[0] or columns(), size[1] or _CHART_ROWS, palette, colour=invocation.has_color)
    sys.stdout.write("\n".join(lines) + "\n")


def _chart(question: Question, series: list[Series]) -> Chart:
    from nagare.tui.renderables.braille_chart import Chart, Line
    from nagare.tui.renderables.time_axis import TimeWindow
    from nagare.tui.renderables.value_axis import unit_of

    lines = []
    for one in series:
        # Both ends of each step are drawn, so that a spike shorter than a step is not averaged away.
        ts = [moment for moment in one.ts_ms for _ in range(2)]
        values = [
            float("nan") if value is None else value
            for low, high in zip(one.lows, one.highs, strict=True)
            for value in (low, high)
        ]
        lines.append(Line(_line_name(question, one, series), ts, values))
    return Chart(
        window=TimeWindow(question.since_ms, question.until_ms, is_live=False),
        lines=tuple(lines),
        unit=unit_of(question.column),
        title=_title(question, series),
        message="" if lines else "no samples in this window",
        # Nobody can press the buttons of a printed frame.
        is_interactive=False,
    )


def _title(question: Question, series: list[Series]) -> str:
    parts = [question.name, *(f"{key}={value}" for key, value in question.filters.items())]
    shared = [index for index, same in enumerate(_shared(question, series)) if same] if series else []
    parts += _named([question.by[at] for at in shared], [series[0].keys[at] for at in shared])
    return "  ".join([*parts, f"(tier {question.tier})"] if question.tier != "raw" else parts)


def _line_name(question: Question, one: Series, series: list[Series]) -> str:
    # What all lines share stands in the title.
    told = [index for index, same in enumerate(_shared(question, series)) if not same]
    return " ".join(_named([question.by[index] for index in told], [one.keys[index] for index in told]))


def _shared(question: Question, series: list[Series]) -> list[bool]:
    return [len({one.keys[index] for one in series}) == 1 for index in range(len(question.by))]


def _named(keys: Sequence[str], values: Sequence[str]) -> list[str]:
    return [value if key == "host" else f"{key}={value}" for key, value in zip(keys, values, strict=True)]


def _write_png(chart: Chart, path: Path, width: int, height: int) -> None:
    from nagare.cli.chart.picture import LEAST_HEIGHT, LEAST_WIDTH, MOST_PIXELS, draw_picture
    from nagare.cli.chart.png import encode_png
    from nagare.tui.renderables.palette import make_palette

    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        raise InputError(
            f"cannot draw a PNG of {width}x{height}: at least {LEAST_WIDTH}x{LEAST_HEIGHT} pixels are needed"
        )
    if width * height > MOST_PIXELS:
        raise LimitExceededError(f"cannot draw a PNG of {width}x{height}: at most {MOST_PIXELS} pixels are drawn")
    content = encode_png(draw_picture(chart, width, height, make_palette("nagare-light")).pixels())
    if str(path) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "wb") as file:
            file.write(content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {(error.strerror or 'refused').lower()}") from error


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"cannot use filter {text!r}: it must read KEY=VALUE", hint="for example: core=all")
    return key, value


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
