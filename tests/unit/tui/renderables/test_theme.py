"""The textual themes carry our colours and are never ANSI themes, which NO_COLOR turns black."""

import pytest

from nagare.tui.renderables.palette import PALETTES, Palette
from nagare.tui.renderables.theme import all_themes, make_theme


@pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda palette: palette.name)
def test_a_theme_is_made_of_its_palette(palette: Palette) -> None:
    theme = make_theme(palette)
    assert theme.name == palette.name
    assert theme.dark is palette.dark
    assert theme.background == palette.background
    assert not theme.ansi
    assert theme.to_color_system().generate()["background"].lower() == palette.background


def test_there_is_one_of_each_palette() -> None:
    assert [theme.name for theme in all_themes()] == list(PALETTES)
