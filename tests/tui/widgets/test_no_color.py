"""NO_COLOR takes the colours and leaves the meaning: glyphs, words, reverse, and readable greys."""

import pytest

from tests.tui.widgets.stage import Stage
from tests.tui.widgets.test_live_table import make_stage


@pytest.mark.parametrize("theme", ["nagare-dark", "nagare-light"])
async def test_no_color_leaves_greys_with_contrast(monkeypatch: pytest.MonkeyPatch, theme: str) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stage, table = make_stage(8, theme=theme)
    assert isinstance(stage, Stage)
    async with stage.run_test(size=(80, 12)) as pilot:
        table.sort_by("cpu")
        await pilot.pause()
        styles = [
            segment.style
            for y in range(12)
            for segment in stage.screen._compositor.render_strips()[y]
            if segment.style is not None and segment.text.strip()
        ]
        colours = {style.color.get_truecolor() for style in styles if style.color is not None}
        assert len(colours) > 2
        assert all(colour.red == colour.green == colour.blue for colour in colours)
        assert "● up" in stage.text()[1]
