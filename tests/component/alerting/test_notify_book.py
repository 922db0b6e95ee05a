"""The file of notifications: read at the start, and again when it changes; a fault changes nothing."""

from pathlib import Path

import pytest

from nagare.alerting.notify.book import NotifyBook
from nagare.errors import ConfigError

FILE = '[route]\nreceiver = "{name}"\n[[receiver]]\nname = "{name}"\n'


async def test_what_changes_in_the_file_holds_and_a_fault_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "notify.toml"
    path.write_text(FILE.format(name="ann"))
    book = NotifyBook(path)
    assert not await book.refresh()
    path.write_text(FILE.format(name="robert"))
    assert await book.refresh()
    assert (book.notifying.root.receiver, book.fault) == ("robert", "")
    path.write_text('[route]\nreceiver = "nobody"\n')
    assert not await book.refresh()
    assert book.notifying.root.receiver == "robert"
    assert "route.receiver: there is no receiver" in book.fault
    assert str(path) in book.fault
    # It is told until it is mended; a change in words alone is none.
    assert not await book.refresh()
    assert book.fault
    path.write_text("# mended\n" + FILE.format(name="robert"))
    assert not await book.refresh()
    assert book.fault == ""


async def test_a_file_that_is_away_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "notify.toml"
    path.write_text(FILE.format(name="ann"))
    book = NotifyBook(path)
    away = path.rename(tmp_path / "away.toml")
    assert not await book.refresh()
    assert book.notifying.root.receiver == "ann"
    assert "no such file" in book.fault
    away.rename(path)
    assert not await book.refresh()
    assert book.fault == ""


async def test_a_file_that_cannot_be_opened_for_a_moment_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "notify.toml"
    path.write_text(FILE.format(name="ann"))
    book = NotifyBook(path)
    # It stays as it is for the next look, at which nothing but the reading is different.
    path.unlink()
    path.mkdir()
    assert not await book.refresh()
    assert book.fault
    book.fault = "not looked at"
    assert not await book.refresh()
    assert book.fault != "not looked at"


async def test_without_a_file_a_dashboard_is_told() -> None:
    book = NotifyBook(None)
    assert book.notifying.root.receiver == "terminal"
    assert not await book.refresh()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[route", "cannot read configuration"),
        (b"\xff", "not UTF-8"),
        (b"# " + b"x" * 2**20, "larger than 1 MiB"),
        (b"", "cannot use file of notifications .*route: is missing"),
        (b"[[receiver]]\n" * 30, "and [0-9]+ more$"),
        (b'[route]\nreceiver = "\\u001b[31m"\n', r"no receiver, rotation or escalation '[^\x1b]*$"),
    ],
)
def test_a_server_with_a_file_that_nobody_can_read_does_not_start(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "notify.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=told):
        NotifyBook(path)
