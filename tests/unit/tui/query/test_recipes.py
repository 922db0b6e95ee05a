"""Recipes that can be run are those that the page explains."""

import re

from nagare.tui.location import parse_window
from nagare.tui.query.recipes import RECIPES
from tests.support.source import ROOT


def test_every_recipe_stands_on_the_page() -> None:
    page = " ".join((ROOT / "docs" / "how-to" / "query-recipes.md").read_text().split())
    assert [one.title for one in RECIPES if " ".join(one.sql.split()) not in page] == []


def test_every_recipe_has_a_question_and_a_time() -> None:
    for one in RECIPES:
        assert re.fullmatch(r"\S.{9,59}", one.title)
        assert parse_window(one.window).is_live
    assert len({one.title for one in RECIPES}) == len(RECIPES)
