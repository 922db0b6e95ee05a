"""Frames, tooltips and the palette show foreign text as it is: what looks like markup stays text."""

# ruff: noqa: TID253  these tests drive textual itself

import pytest
from textual.content import Content
from textual.fuzzy import Matcher

from nagare.tui.screens.agreement import Agreement, Question
from nagare.tui.screens.sheet import Sheet
from nagare.tui.screens.shell_asks import AnswerForm, Confirmation
from nagare.tui.widgets.command_palette import _escape, _highlighted
from nagare.tui.widgets.output_view import OutputView
from tests.tui.stage import scene

TITLES = ("[A=$]", '[$a link="x" @click=y]')


@pytest.mark.parametrize("title", TITLES)
async def test_dialogs(title: str) -> None:
    async with scene() as stage:
        screens = (
            Confirmation(title, "text", title),
            AnswerForm(title, "", [(title, False)]),
            Sheet(title, (), [("x", title)]),
            Agreement(Question(title, (), title)),
        )
        for screen in screens:
            await stage.app.push_screen(screen)
            assert stage.text().count(title) >= 2
            await stage.app.pop_screen()


@pytest.mark.parametrize("title", TITLES)
async def test_a_frame_around_output(title: str) -> None:
    async with scene() as stage:
        view = OutputView()
        await stage.app.page.mount(view)
        view.tell(title, (), "")
        await stage.shows(title)


@pytest.mark.parametrize("text", [*TITLES, "\\[A=$]", "[/]", "ends with \\"])
def test_the_palette(text: str) -> None:
    assert Content.from_markup(_escape(text)).plain == text
    assert _highlighted(Matcher(text[:2]), text).plain == text
