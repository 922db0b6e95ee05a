"""Makes the pages. Each brings its widgets, and numpy with them, so they are loaded after the first paint."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import cast

from nagare.tui.location import Location
from nagare.tui.screens.page import Page

_AFTER_FIRST_PAINT = ("feed", "source", "screens.overview", "screens.hosts", "screens.host")
# Name in a location -> (file in ``screens``, class).
PAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "overview": ("overview", "OverviewPage"),
        "hosts": ("hosts", "HostsPage"),
        "host": ("host", "HostPage"),
        "alerts": ("alerts", "AlertsPage"),
        "silences": ("silences", "SilencesPage"),
        "rules": ("rules", "RulesPage"),
        "incidents": ("notify.incidents", "IncidentsPage"),
        "incident": ("notify.incident", "IncidentPage"),
        "deliveries": ("notify.incident", "DeliveriesPage"),
        "timeline": ("notify.timeline", "TimelinePage"),
        "notifications": ("notify.notifications", "NotificationsPage"),
        "routes": ("notify.routes", "RoutesPage"),
        "heartbeats": ("notify.heartbeats", "HeartbeatsPage"),
        "network": ("network", "NetworkPage"),
        "commands": ("commands", "CommandsPage"),
        "job": ("job", "JobPage"),
        "tasks": ("tasks", "TasksPage"),
        "schedules": ("schedules", "SchedulesPage"),
        "query": ("query", "QueryPage"),
        "diagnose": ("diagnose", "DiagnosePage"),
        "shells": ("shells", "ShellsPage"),
    }
)


def load_rest() -> None:
    """Load everything that the first paint did without; made for a thread beside the loop."""
    for name in _AFTER_FIRST_PAINT:
        import_module(f"nagare.tui.{name}")


def make_page(location: Location) -> Page:
    """Return a new page of the kind that ``location`` names."""
    file, name = PAGES[location.page]
    return cast("Page", getattr(import_module(f"nagare.tui.screens.{file}"), name)(location))
