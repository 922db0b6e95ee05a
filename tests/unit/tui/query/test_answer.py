"""Answers as rows and as lines."""

from datetime import timedelta, timezone
from typing import Any

import numpy as np
import pytest

from nagare.lib.units import Unit
from nagare.tui.location import Window
from nagare.tui.query.answer import Asked, local_text, moment_ms, read_answer
from nagare.tui.query.chart_svg import chart_svg
from nagare.tui.query.charting import draw_answer, why_no_chart
from nagare.tui.renderables.palette import make_palette
from nagare.tui.renderables.table_cells import CellKind, format_cell
from nagare.wire.sql import SqlReply
from tests.tui.queries import busy_reply, reply_of

_ASKED = Asked("select 1", Window(3600), 0, None)
_EAST = timezone(timedelta(hours=2))


def _shown(reply: SqlReply) -> list[list[str]]:
    answer = read_answer(reply, _ASKED, 0, _EAST)
    palette = make_palette()
    return [
        [format_cell(answer.cells[column.key][row], column, palette) for column in answer.columns]
        for row in range(len(answer.rows))
    ]


def test_values_read_as_what_they_count() -> None:
    columns = {
        "ts": "TIMESTAMP_MS", "busy_ratio": "DOUBLE", "used_bytes": "BIGINT", "pid": "INTEGER", "mean": "DOUBLE", "ok": "BOOLEAN",
        "tags": "MAP(VARCHAR, VARCHAR)", "huge": "HUGEINT",
    }  # fmt: skip
    rows: list[list[Any]] = [
        [
            "2026-01-31T23:30:00.000Z",
            0.5,
            2**30,
            1234567,
            1 / 3,
            True,
            {"a": "b"},
            "170141183460469231731687303715884105727",
        ],
        ["2026-01-31T23:30:00.250Z", None, None, None, None, None, None, None],
    ]
    first, second = _shown(reply_of(columns, rows))
    assert first == [
        "2026-02-01 01:30:00",
        "50.0%",
        "1.0G",
        "1234567",
        "0.333333",
        "true",
        '{"a": "b"}',
        "170141183460469231731687303715884105727",
    ]
    assert second == ["2026-02-01 01:30:00.250", *["NULL"] * 7]


def test_numbers_stand_right_and_the_rest_left() -> None:
    answer = read_answer(busy_reply(["web-1"]), _ASKED, 0)
    assert [column.is_right for column in answer.columns] == [False, False, True, True, True, False]
    assert [column.kind for column in answer.columns[2:5]] == [CellKind.RATIO, CellKind.BYTES, CellKind.VALUE]


def test_columns_of_one_name_are_told_apart() -> None:
    reply = SqlReply(reply_of({"n": "BIGINT"}, []).columns * 2, [[1, 2]], truncated=False, tier="raw", elapsed_ms=1)
    answer = read_answer(reply, _ASKED, 0)
    assert [column.key for column in answer.columns] == ["n", "n_2"]
    assert answer.cells["n_2"] == [2]


def test_a_plan_is_lines() -> None:
    reply = reply_of(
        {"explain_key": "VARCHAR", "explain_value": "VARCHAR"}, [["reads", "blocks: 1\nrows: 2"], ["plan", "┌──┐"]]
    )
    assert _shown(reply) == [["blocks: 1"], ["rows: 2"], ["┌──┐"]]


def test_foreign_text_is_harmless() -> None:
    reply = reply_of({"\x1b[31mred": "VARCHAR"}, [["a\x1b]0;b\x07\n" + "x" * 1000]])
    answer = read_answer(reply, _ASKED, 0)
    told = answer.columns[0].title + answer.cells[answer.columns[0].key][0]
    assert told.isprintable()
    assert len(told) < 600
    # What is written to a file is what came.
    assert answer.rows[0][0].endswith("x" * 1000)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-01-31T23:30:00.123456789Z", 1769902200123), ("2026-01-31T23:30:00Z", 1769902200000), ("2026-01-31", None), ("soon", None), (None, None),
    ],
)  # fmt: skip
def test_moments_are_read(text: str | None, ms: int | None) -> None:
    assert moment_ms(text) == ms


def test_what_is_no_time_stays_as_it_is() -> None:
    assert local_text("infinity", _EAST) == "infinity"
    assert local_text("0001-01-01T00:00:00.000Z", timezone(timedelta(hours=-2))) == "0001-01-01T00:00:00.000Z"


def test_a_line_for_each_of_what_else_stands_in_the_rows() -> None:
    reply = reply_of(
        {"step": "TIMESTAMP", "host": "VARCHAR", "busy_ratio": "DOUBLE", "used_bytes": "BIGINT"},
        [
            ["2026-01-31T14:01:00.000Z", "b", 0.4, 1], ["2026-01-31T14:00:00.000Z", "b", 0.3, 1],
            ["2026-01-31T14:00:00.000Z", "a", None, 1], ["2026-01-31T14:01:00.000Z", "a", 0.1, 1], [None, "a", 0.9, 1],
        ],
    )  # fmt: skip
    drawing = draw_answer(read_answer(reply, _ASKED, 0))
    assert (drawing.title, drawing.unit, drawing.told) == (
        "busy_ratio",
        Unit.RATIO,
        "1 columns of another unit are not drawn",
    )
    assert [line.name for line in drawing.lines] == ["a", "b"]
    first, second = drawing.lines
    assert np.isnan(np.asarray(first.values)[0])
    assert second.values == [0.3, 0.4]
    assert drawing.window.span_ms == 60_000


def test_of_many_series_those_with_the_greatest_values_are_drawn() -> None:
    rows = [["2026-01-31T14:00:00.000Z", f"host-{place:02}", place] for place in range(20)]
    drawing = draw_answer(
        read_answer(reply_of({"ts": "TIMESTAMP_MS", "host": "VARCHAR", "load": "DOUBLE"}, rows), _ASKED, 0)
    )
    assert [line.name for line in drawing.lines] == [f"host-{place}" for place in range(12, 20)]
    assert drawing.told == "8 of 20 series: those with the greatest values"


@pytest.mark.parametrize(
    ("columns", "rows", "words"),
    [
        ({"ts": "TIMESTAMP_MS", "n": "BIGINT"}, [], "no rows"),
        ({"host": "VARCHAR", "n": "BIGINT"}, [["a", 1]], "time_bucket"),
        ({"ts": "TIMESTAMP_MS", "host": "VARCHAR"}, [["2026-01-31T14:00:00.000Z", "a"]], "column of numbers"),
        ({"ts": "TIMESTAMP_MS", "n": "BIGINT"}, [["2026-01-31T14:00:00.000Z", None]], "column of numbers"),
        ({"ts": "TIMESTAMP_MS", "n": "BIGINT"}, [[None, 1]], "column of times"),
    ],
)
def test_what_cannot_be_drawn_says_why(columns: dict[str, str], rows: list[list[object]], words: str) -> None:
    assert words in why_no_chart(read_answer(reply_of(columns, rows), _ASKED, 0))


def test_a_chart_is_a_drawing_of_its_own() -> None:
    rows = [[f"2026-01-31T14:0{minute}:00.000Z", "<b>&", None if minute == 2 else minute / 10] for minute in range(6)]
    answer = read_answer(reply_of({"ts": "TIMESTAMP_MS", "host": "VARCHAR", "busy_ratio": "DOUBLE"}, rows), _ASKED, 0)
    drawing = draw_answer(answer)
    text = chart_svg(drawing, drawing.window, make_palette(), _EAST)
    assert text.startswith("<svg ")
    assert "&lt;b&gt;&amp;" in text
    assert "<b>" not in text
    # A hole parts the line: no line over what nobody measured.
    assert text.count("<polyline") == 2
    assert "50%" in text
    assert "16:0" in text
