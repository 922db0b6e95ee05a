"""Rows in four formats: what a program reads back is what was written, and a table never steers a terminal."""

import csv
import io
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.cli.console.output import Rows, unique, write_csv, write_json, write_ndjson
from nagare.cli.console.table import display_width, format_local_time, format_table

TEXTS = st.text(st.characters(codec="utf-8"))
CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=3)
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    names = draw(st.lists(TEXTS, min_size=1, max_size=5))
    rows = draw(st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), max_size=5))
    return names, rows


def _as_json(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


@given(tables())
def test_json_reads_back(table: tuple[list[str], list[list[Any]]]) -> None:
    names, rows = table
    expected = [dict(zip(unique(names), map(_as_json, row), strict=True)) for row in rows]
    stream = io.StringIO()
    write_json(Rows(names, rows), stream)
    assert json.loads(stream.getvalue()) == expected
    lines = io.StringIO(newline="")
    write_ndjson(Rows(names, rows), lines)
    # Only a line feed separates: U+2028 and its like may stand in texts.
    assert [json.loads(line) for line in lines.getvalue().split("\n")[:-1]] == expected


@given(st.lists(TEXTS, min_size=1, max_size=5), st.data())
def test_csv_reads_back(names: list[str], data: st.DataObject) -> None:
    cell = st.one_of(st.integers(), TEXTS)
    rows = data.draw(st.lists(st.lists(cell, min_size=len(names), max_size=len(names)), max_size=5))
    stream = io.StringIO(newline="")
    write_csv(Rows(names, rows), stream)
    read = list(csv.reader(io.StringIO(stream.getvalue(), newline="")))
    assert read == [names, *([str(value) for value in row] for row in rows)]


def test_csv_writes_what_spreadsheets_and_databases_agree_on() -> None:
    stream = io.StringIO(newline="")
    write_csv(Rows(("a", "b,c"), [(None, True), (1.5, 'say "hi"\n'), ({"k": "v"}, "")]), stream)
    assert stream.getvalue() == 'a,"b,c"\r\n,true\r\n1.5,"say ""hi""\n"\r\n"{""k"":""v""}",\r\n'


def test_no_rows_is_still_lawful() -> None:
    stream = io.StringIO()
    write_json(Rows(("a",), []), stream)
    assert json.loads(stream.getvalue()) == []


def test_names_that_repeat_are_told_apart() -> None:
    assert unique(["n", "n", "n_2", "n"]) == ["n", "n_2", "n_2_2", "n_3"]


def test_a_table_aligns_numbers_and_shows_nothing_as_a_dash() -> None:
    lines = list(format_table(("host", "busy", "ok"), [("web1", 0.123456, True), ("db", 12, None), ("c", None, False)]))
    assert lines == [
        "host     busy  ok",
        "web1  0.12346  true",
        "db         12  –",
        "c           –  false",
    ]


def test_a_table_fits_the_terminal_by_cutting_the_widest() -> None:
    lines = list(format_table(("pid", "command"), [(1234567, "x" * 200)], width=30))
    assert max(map(len, lines)) <= 30
    assert "1234567" in lines[1]
    assert lines[1].endswith("…")


def test_more_columns_than_fit_become_records() -> None:
    names = [f"column{index}" for index in range(20)]
    lines = list(format_table(names, [list(range(20)), list(range(20))], width=80))
    assert lines[0].startswith("─ row 1 ─")
    assert lines[1:4] == ["column0   0", "column1   1", "column2   2"]
    assert len(lines) == 42


def test_times_are_local_in_a_table() -> None:
    lines = list(format_table(("ts",), [("2026-01-02T03:04:05Z",)], types=("TIMESTAMP_MS",)))
    assert lines[1] == format_local_time("2026-01-02T03:04:05Z")
    assert lines[1][-6] in "+-"
    assert format_local_time("not a time") == "not a time"


@given(tables(), st.integers(1, 60))
def test_a_table_holds_no_character_that_steers_a_terminal(
    table: tuple[list[str], list[list[Any]]], width: int
) -> None:
    names, rows = table
    lines = list(format_table(names, rows, width=width))
    assert len(lines) in (len(rows) + 1, len(rows) * (len(names) + 1))
    for line in lines:
        assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in line)


@pytest.mark.parametrize(("text", "cells"), [("abc", 3), ("流れ", 4), ("é", 1), ("e\u0301", 1)])
def test_wide_characters_take_two_cells(text: str, cells: int) -> None:
    assert display_width(text) == cells


def test_a_header_without_rows_stays_in_the_terminal() -> None:
    names = [f"column_{number}" for number in range(20)]
    [line] = format_table(names, [], width=80)
    assert display_width(line) <= 80
