"""The textual themes carry our colours and are never ANSI themes, which NO_COLOR turns black."""

from typing import Any

import pytest

from nagare.tui.renderables.palette import DARK, LIGHT, Palette
from nagare.tui.renderables.theme import nagare_dark, nagare_light


@pytest.mark.parametrize(("theme", "palette"), [(nagare_dark(), DARK), (nagare_light(), LIGHT)])
def test_a_theme_is_made_of_its_palette(theme: Any, palette: Palette) -> None:
    assert theme.name == palette.name
    assert theme.dark is palette.dark
    assert theme.background == palette.background
    assert not theme.ansi
    assert theme.to_color_system().generate()["background"].lower() == palette.background
