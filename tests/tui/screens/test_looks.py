"""Themes while the dashboard runs: chosen, kept, without colours, and in the sixteen of the terminal."""

# ruff: noqa: TID253  these tests drive textual itself

from pathlib import Path

import pytest
from rich.color import ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from nagare.tui.looks import kept_theme
from nagare.tui.renderables.palette import PALETTES
from nagare.tui.renderables.sixteen import SIXTEEN_TERMINAL, SixteenColours
from tests.tui.stage import Scene, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn")


def _styles(top: Scene) -> list[Style]:
    strips = top.app.screen._compositor.render_strips()
    return [segment.style for strip in strips for segment in strip if segment.style is not None]


async def _said(top: Scene, words: str) -> None:
    await top.until(lambda: words in top.app.page.footer_hint(), words)


async def test_a_theme_is_worn_at_once_and_kept_for_the_next_time(tmp_path: Path) -> None:
    async with scene(state=tmp_path) as top:
        for name in [*list(PALETTES)[1:], "nagare-dark"]:
            await top.app.act("theme.toggle")
            await _said(top, f"theme: {PALETTES[name].title} · kept for the next time")
            assert top.app.theme == name == kept_theme(tmp_path)
            assert top.app.palette.name == name
        await top.app.act("theme.contrast")
        await _said(top, "theme: high contrast")
        await top.until(lambda: kept_theme(tmp_path) == "nagare-contrast", "the choice")
        assert top.app.screen.styles.background.hex == "#000000"


async def test_a_theme_of_the_settings_stays_theirs(tmp_path: Path) -> None:
    async with scene(state=tmp_path, theme="nagare-light") as top:
        await top.app.act("theme.dark")
        await _said(top, "theme: dark · the next time top.theme decides")
        assert not kept_theme(tmp_path)


async def test_a_choice_that_cannot_be_kept_is_worn_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with scene(state=tmp_path / "file" / "top") as top:
        await top.app.act("theme.light")
        await _said(top, "theme: light · cannot write")
        assert top.app.theme == "nagare-light"


async def test_sixteen_colours_are_those_of_the_terminal_and_no_others() -> None:
    async with scene(theme="nagare-16") as top:
        await top.press("2")
        await top.shows("▸ hosts")
        colours = {colour for style in _styles(top) for colour in (style.color, style.bgcolor) if colour is not None}
        assert {colour.type for colour in colours} <= {ColorType.STANDARD, ColorType.DEFAULT}
        # White, its darker brother, black, and what states and keys are told in.
        assert {15, 7, 0, 14} <= {colour.number for colour in colours}


async def test_without_colours_sixteen_of_them_are_greys_of_the_dark_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with scene(theme="nagare-16") as top:
        assert top.app.theme == "nagare-dark"
        triplets = {style.color.get_truecolor() for style in _styles(top) if style.color is not None}
        assert len(triplets) > 2
        assert all(red == green == blue for red, green, blue in triplets)
        await top.app.act("theme.sixteen")
        assert top.app.theme == "nagare-dark"


@pytest.mark.parametrize("number", range(16))
def test_a_colour_of_a_remote_shell_comes_back_as_it_was(number: int) -> None:
    light = SIXTEEN_TERMINAL.ansi_colors[number]
    style = Style.parse(f"rgb({light.red},{light.green},{light.blue}) on {'white' if number == 0 else 'black'}")
    [segment] = SixteenColours().apply([Segment("a", style)], Color(0, 0, 0))
    assert segment.style is not None
    assert segment.style.color is not None
    assert segment.style.color.number == number
