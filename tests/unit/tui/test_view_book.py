"""What a person keeps of their views."""

import json
from pathlib import Path

import pytest

from nagare.errors import InputError, LimitExceededError, ReadOnlyError
from nagare.tui import view_book
from nagare.tui.location import Location, Window, parse_location
from nagare.tui.view_book import View, ViewBook

HOT = Location("hosts", filter="cpu>80 !web", sort="cpu.desc", window=Window(3600))


def test_views_are_saved_by_name_without_their_time_and_forgotten(tmp_path: Path) -> None:
    book = ViewBook(tmp_path / "top")
    book.save("  hot \n hosts", HOT)
    book.save("All", Location("hosts"))
    book.save("hot hosts", Location("hosts", filter="cpu>90"))
    book.save("hot hosts", Location("alerts", filter="disk"))
    kept = ViewBook(tmp_path / "top")
    assert [(view.name, view.address) for view in kept.saved("hosts")] == [
        ("All", "hosts"),
        ("hot hosts", "hosts?filter=cpu>90"),
    ]
    book.forget("hot hosts", "hosts")
    assert [view.name for view in kept.saved("hosts")] == ["All"]
    assert [view.name for view in kept.saved("alerts")] == ["hot hosts"]


def test_a_view_comes_back_as_it_was_but_for_the_time(tmp_path: Path) -> None:
    ViewBook(tmp_path).save("hot", HOT)
    (view,) = ViewBook(tmp_path).saved("hosts")
    assert view == View("hot", Location("hosts", filter=HOT.filter, sort=HOT.sort))
    assert parse_location(view.address) == view.location


def test_without_a_folder_they_live_as_long_as_the_book() -> None:
    book = ViewBook(None)
    book.save("hot", HOT)
    assert [view.name for view in book.saved("hosts")] == ["hot"]
    assert ViewBook(None).saved("hosts") == []


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    ViewBook(tmp_path / "top").save("hot", HOT)
    assert (tmp_path / "top" / "views.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"views":7}', b'{"views":[7]}', b'{"views":[{"name":"a"}]}', b"[" * 100_000,
     b'{"views":[{"name":"","address":"hosts"},{"name":"a","address":"nowhere"},{"name":7,"address":"hosts"}]}'],
)  # fmt: skip
def test_what_cannot_be_read_is_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "views.json").write_bytes(content)
    assert ViewBook(tmp_path).saved("hosts") == []


def test_one_that_cannot_be_used_harms_no_other(tmp_path: Path) -> None:
    views = [{"name": "x", "address": "hosts?sort=%00"}, {"name": "hot", "address": "hosts?filter=cpu>80"}]
    (tmp_path / "views.json").write_text(json.dumps({"views": views}))
    assert "hot" in [view.name for view in ViewBook(tmp_path).saved("hosts")]


def test_faults_say_what_and_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="1 to 60 letters"):
        ViewBook(tmp_path).save(" \n ", HOT)
    monkeypatch.setattr(view_book, "VIEWS_LIMIT", 1)
    ViewBook(tmp_path).save("a", HOT)
    ViewBook(tmp_path).save("a", HOT)
    with pytest.raises(LimitExceededError, match="1 are saved"):
        ViewBook(tmp_path).save("b", HOT)
    (tmp_path / "file").write_text("")
    with pytest.raises(ReadOnlyError, match=r"views\.json: file exists"):
        ViewBook(tmp_path / "file").save("a", HOT)
