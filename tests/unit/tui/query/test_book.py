"""What a person keeps of their queries."""

import json
from pathlib import Path

import pytest

from nagare.errors import InputError, LimitExceededError, ReadOnlyError
from nagare.tui.location import Window
from nagare.tui.query import book as book_file
from nagare.tui.query.answer import Asked
from nagare.tui.query.book import QueryBook
from nagare.tui.query.parameters import value_of


def _asked(sql: str) -> Asked:
    return Asked(sql, Window(3600), 0, None)


def test_history_is_newest_first_and_each_text_once(tmp_path: Path) -> None:
    book = QueryBook(tmp_path / "top")
    for place, sql in enumerate(("select 1", "select 2", "select 1")):
        book.note(_asked(sql), 1000 + place, place)
    assert [(kept.sql, kept.at_ms, kept.rows, kept.window) for kept in QueryBook(tmp_path / "top").history()] == [
        ("select 1", 1002, 2, "-1h"), ("select 2", 1001, 1, "-1h"),
    ]  # fmt: skip


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    QueryBook(tmp_path / "top").note(_asked("select 1"), 1, None)
    assert (tmp_path / "top" / "queries.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "top").stat().st_mode & 0o777 == 0o700


def test_history_is_bounded_by_number_and_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_file, "HISTORY_LIMIT", 5)
    monkeypatch.setattr(book_file, "FILE_LIMIT_BYTES", 1000)
    book = QueryBook(tmp_path)
    for place in range(8):
        book.note(_asked(f"select {place}"), place, 1)
    assert [kept.sql for kept in book.history()] == [f"select {place}" for place in (7, 6, 5, 4, 3)]
    book.note(_asked("select '" + "x" * 500 + "'"), 9, 1)
    assert (tmp_path / "queries.json").stat().st_size <= 1000
    assert book.history()[0].at_ms == 9


def test_queries_are_saved_by_name_and_forgotten(tmp_path: Path) -> None:
    book = QueryBook(tmp_path)
    book.save("  busy \n hosts", "select 1", "-1d", 5)
    book.save("Alarms", "select 2", "-1h", 6)
    book.save("busy hosts", "select 3", "-1h", 7)
    assert [(kept.name, kept.sql, kept.window) for kept in book.saved()] == [
        ("Alarms", "select 2", "-1h"),
        ("busy hosts", "select 3", "-1h"),
    ]
    book.forget("Alarms")
    assert [kept.name for kept in book.saved()] == ["busy hosts"]


def test_what_stood_in_the_field_is_kept_beside_the_rest(tmp_path: Path) -> None:
    book = QueryBook(tmp_path)
    assert book.draft() == ""
    book.keep_draft("select half of")
    book.note(_asked("select 1"), 1, 1)
    assert (QueryBook(tmp_path).draft(), len(book.history())) == ("select half of", 1)
    book.keep_draft("x" * 40_000)
    assert book.draft() == "select half of"


def test_names_and_their_number_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_file, "SAVED_LIMIT", 1)
    book = QueryBook(tmp_path)
    for name in ("", "   ", "x" * 61):
        with pytest.raises(InputError, match="1 to 60"):
            book.save(name, "select 1", "-1h", 1)
    book.save("one", "select 1", "-1h", 1)
    with pytest.raises(LimitExceededError, match="1 are saved"):
        book.save("two", "select 1", "-1h", 1)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"history": 5}',
        '{"history": [1], "saved": []}',
        '{"history": [{"sql": 5, "window": "-1h"}], "saved": []}',
        "\xff" * 9,
    ],
)
def test_a_file_that_cannot_be_read_is_an_empty_book(tmp_path: Path, content: str) -> None:
    (tmp_path / "queries.json").write_bytes(content.encode("latin-1"))
    assert QueryBook(tmp_path).history() == []
    assert QueryBook(tmp_path).saved() == []


def test_a_window_of_another_version_does_not_lose_the_query(tmp_path: Path) -> None:
    item = {"sql": "select 1", "window": "moon", "at_ms": 5, "name": "", "rows": None}
    (tmp_path / "queries.json").write_text(json.dumps({"history": [item], "saved": []}))
    assert [(kept.sql, kept.window) for kept in QueryBook(tmp_path).history()] == [("select 1", "auto")]


def test_who_cannot_write_is_told_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReadOnlyError, match="file"):
        QueryBook(tmp_path / "file" / "top").note(_asked("select 1"), 1, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("0.9", 0.9),
        ("true", True),
        ("null", None),
        ("web-1", "web-1"),
        ('"5"', "5"),
        ("[1]", "[1]"),
        ("", ""),
        ("NaN", "NaN"),
    ],
)
def test_a_parameter_is_what_it_looks_like(text: str, value: object) -> None:
    assert value_of(text) == value


def test_a_parameter_is_bounded() -> None:
    with pytest.raises(InputError, match="4096"):
        value_of("x" * 5000)


def test_without_a_folder_it_is_kept_while_it_lives() -> None:
    book = QueryBook(None)
    book.save("cpu", "SELECT 1", "auto", 5)
    assert [kept.name for kept in book.saved()] == ["cpu"]
    book.forget("cpu")
    assert book.saved() == QueryBook(None).saved() == []
