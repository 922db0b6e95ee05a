"""Where evidence leads: charts, lists, alerts, commands; what has no place shows itself."""

from typing import Any

import pytest

from nagare.tui.diagnosis.places import AlertPlace, CommandPlace, HostPlace, Place, TextPlace, place_of
from nagare.tui.location import Window
from tests.tui.diagnosis import evidence_of
from tests.tui.jobs import MADE_MS

_WINDOW = Window(3540, MADE_MS - 60_000)
_BEGAN = MADE_MS - 1_200_000


@pytest.mark.parametrize(
    ("kind", "more", "place"),
    [
        ("metric", {}, HostPlace("web-1", "timeline", _WINDOW, _BEGAN)),
        ("process", {"sql": "SELECT 1 FROM process WHERE pid = 1"}, HostPlace("web-1", "processes", _WINDOW, _BEGAN)),
        ("metric", {"sql": "SELECT 1 FROM unit", "began_at": ""}, HostPlace("web-1", "units", _WINDOW, None)),
        ("event", {"sql": "SELECT 1 FROM events"}, HostPlace("web-1", "events", _WINDOW, _BEGAN)),
        ("alert", {"params": {"id": "a1"}}, AlertPlace("a1")),
        ("command", {"params": {"id": "c1"}}, CommandPlace("c1")),
        ("passage", {"sql": "", "host": ""}, TextPlace()),
        ("log", {"sql": ""}, TextPlace()),
        ("of a newer server", {"sql": ""}, HostPlace("web-1", "timeline", _WINDOW, _BEGAN)),
        ("metric", {"host": "gone-1"}, TextPlace()),
    ],
)
def test_a_piece_leads_to_its_place(kind: str, more: dict[str, Any], place: Place) -> None:
    assert place_of(evidence_of("E1", kind, **more), {"web-1"}, MADE_MS) == place


def test_a_window_reaches_back_to_where_it_began_and_never_into_the_future() -> None:
    early = place_of(evidence_of("E1", began_at="2025-10-09T06:00:00Z"), {"web-1"}, MADE_MS)
    assert isinstance(early, HostPlace)
    assert early.window.bounds_ms(MADE_MS)[0] == early.at_ms
    late = place_of(evidence_of("E1", until_at="2031-01-01T00:00:00Z"), {"web-1"}, MADE_MS)
    assert isinstance(late, HostPlace)
    assert late.window.end_ms == MADE_MS
    timeless = place_of(evidence_of("E1", from_at="", until_at="", began_at=""), {"web-1"}, MADE_MS)
    assert timeless == HostPlace("web-1", "timeline", Window(3600, MADE_MS), None)
