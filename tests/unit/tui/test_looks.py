"""Which theme a start takes, and the small file in which a choice is kept."""

from pathlib import Path

import pytest

from nagare.config.terminal import AUTO_THEME, TopSettings
from nagare.errors import ReadOnlyError
from nagare.tui.looks import NAME, first_theme, keep_theme, kept_folder, kept_theme
from nagare.tui.renderables.palette import PALETTES


def test_the_settings_offer_exactly_our_themes() -> None:
    choices = TopSettings.__dataclass_fields__["theme"].metadata["choices"]
    assert set(choices) == {AUTO_THEME, *PALETTES}


@pytest.mark.parametrize(
    ("wanted", "kept", "colours", "theme"),
    [
        ("auto", "", "truecolor", "nagare-dark"),
        ("auto", "", "256", "nagare-dark"),
        ("auto", "", "standard", "nagare-16"),
        ("auto", "nagare-contrast", "standard", "nagare-contrast"),
        ("nagare-light", "nagare-contrast", "standard", "nagare-light"),
    ],
)
def test_settings_go_before_a_choice_and_a_choice_before_the_terminal(
    tmp_path: Path, wanted: str, kept: str, colours: str, theme: str
) -> None:
    if kept:
        keep_theme(tmp_path, kept)
    assert first_theme(TopSettings(theme=wanted, state=tmp_path), colours) == theme


def test_a_choice_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "top"
    assert kept_theme(folder) == ""
    keep_theme(folder, "nagare-light")
    assert kept_theme(folder) == "nagare-light"
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"theme": 5}', b'{"theme": "nagare-pink"}', b"[" * 5000, b"\xff"]
)
def test_a_file_that_cannot_be_used_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert kept_theme(tmp_path) == ""


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReadOnlyError, match=r"cannot write .*looks\.json: not a directory"):
        keep_theme(tmp_path / "file" / "top", "nagare-light")


def test_a_page_keeps_nothing(tmp_path: Path) -> None:
    assert kept_folder(TopSettings(state=tmp_path), is_web=True) is None
    assert kept_theme(None) == ""
    assert kept_folder(TopSettings(state=tmp_path), is_web=False) == tmp_path
