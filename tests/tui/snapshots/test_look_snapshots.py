"""Pictures of the screens that matter most in each theme, without colours, and as eyes without green see them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nagare.tui.renderables.sixteen import SIXTEEN_TERMINAL
from tests.tui.fleet import FleetSource
from tests.tui.sight import WithoutGreen
from tests.tui.snapshots.test_query_snapshots import _answered as _queried
from tests.tui.snapshots.test_snapshots import (
    Compare,
    Steps,
    _alarmed,
    _alarms,
    _answered,
    _charts,
    _diagnosed,
    _fleet,
    _jobs,
    _listed,
    _picture,
    _source,
)

pytestmark = pytest.mark.may_block(reason="whole screens are drawn")
_SCREENS: dict[str, tuple[str, Steps, Callable[[], FleetSource]]] = {
    "overview": ("overview", _charts, lambda: _alarmed(_source(14))),
    "hosts": ("hosts", _fleet, lambda: _source(9)),
    "host": ("hosts/db-1", _charts, lambda: _source(4)),
    "alerts": ("alerts", _alarms, lambda: _alarmed(_source(4))),
    "commands": ("commands", _listed, lambda: _jobs(_source(4))),
    "diagnose": ("diagnose", _answered, _diagnosed),
    "query": ("query", _queried, lambda: _source(4)),
}
# Not every screen in every theme: each screen is drawn in two or three of them, here or beside its other pictures.
_PICTURES = [
    ("nagare-light", "alerts"), ("nagare-light", "query"), ("nagare-light", "diagnose"),
    ("nagare-contrast", "overview"), ("nagare-contrast", "host"), ("nagare-contrast", "alerts"), ("nagare-contrast", "query"),
    ("nagare-16", "overview"), ("nagare-16", "hosts"), ("nagare-16", "commands"), ("nagare-16", "diagnose"),
]  # fmt: skip


@pytest.mark.parametrize(("theme", "screen"), _PICTURES)
def test_a_theme(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, theme: str, screen: str) -> None:
    # The pictures' own idea of a terminal's colours is far from any terminal's.
    monkeypatch.setattr("rich.console.SVG_EXPORT_THEME", SIXTEEN_TERMINAL)
    location, steps, source = _SCREENS[screen]
    _picture(snap_compare, location, (80, 24), steps, source(), theme=theme)


@pytest.mark.parametrize("screen", ["hosts", "query"])
def test_without_colours(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, screen: str) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    location, steps, source = _SCREENS[screen]
    _picture(snap_compare, location, (80, 24), steps, source())


@pytest.mark.parametrize("screen", ["overview", "hosts", "alerts", "diagnose"])
def test_as_eyes_without_green_see_it(snap_compare: Compare, screen: str) -> None:
    location, steps, source = _SCREENS[screen]
    _picture(snap_compare, location, (80, 24), steps, source(), filters=(WithoutGreen(),))
