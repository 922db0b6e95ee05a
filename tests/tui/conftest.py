"""Every test of a screen waits as long as the screen takes, reads no styles that another one has read, and leaves no lines behind."""

# ruff: noqa: TID253  these tests drive textual itself

from collections.abc import Iterator

import pytest
from textual._styles_cache import StylesCache
from textual.filter import ANSIToTruecolor

from tests.support.settling import settle_by_looking
from tests.support.shared_styles import share_styles


def pytest_configure() -> None:
    """Look at the app itself, in place of the clock; let apps that are alike share what they read."""
    settle_by_looking()
    share_styles()


@pytest.fixture(autouse=True)
def no_old_lines() -> Iterator[None]:
    """Let go of what closed apps drew.

    Textual remembers colours by the widget's cache and by the filter that asked, a thousand of each: with them stay the lines of
    the last seventy apps, 600,000 objects through which the collector of garbage goes.
    """
    yield
    for remembered in (StylesCache.get_inner_outer, ANSIToTruecolor.truecolor_style):
        remembered.cache_clear()
