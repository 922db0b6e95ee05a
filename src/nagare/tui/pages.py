"""Makes the pages. Each brings its widgets, and numpy with them, so they are loaded after the first paint."""

from __future__ import annotations

from importlib import import_module

from nagare.tui.location import Location
from nagare.tui.screens.page import Page

_AFTER_FIRST_PAINT = ("feed", "source", "screens.overview", "screens.hosts", "screens.host")


def load_rest() -> None:
    """Load everything that the first paint did without; made for a thread beside the loop."""
    for name in _AFTER_FIRST_PAINT:
        import_module(f"nagare.tui.{name}")


def make_page(location: Location) -> Page:
    """Return a new page of the kind that ``location`` names."""
    match location.page:
        case "hosts":
            from nagare.tui.screens.hosts import HostsPage  # noqa: PLC0415  loaded when shown

            return HostsPage(location)
        case "host":
            from nagare.tui.screens.host import HostPage  # noqa: PLC0415  loaded when shown

            return HostPage(location)
        case _:
            from nagare.tui.screens.overview import OverviewPage  # noqa: PLC0415  loaded when shown

            return OverviewPage(location)
