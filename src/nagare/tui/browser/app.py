"""The same app as in a terminal, drawn by another driver and with nothing but what it was handed over."""

from __future__ import annotations

import os
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from textual.driver import Driver

from nagare.client.target import Target
from nagare.config.settings import Settings
from nagare.config.terminal import SshSettings, TopSettings
from nagare.lib.clock import Clock, SystemClock
from nagare.tui.app import TopApp
from nagare.tui.app import __file__ as app_file
from nagare.tui.browser.driver import BrowserDriver
from nagare.tui.location import parse_location
from nagare.tui.source import ServerSource
from nagare.wire.ui import HandOver

# No file of the server's is ours to read, nor of the user under whom it runs; below this not even root makes one.
NOWHERE = Path("/dev/null/nowhere")


class BrowserSource(ServerSource):
    """Asks the one server that it was told of, with the pass that it was given."""

    def __init__(self, settings: Settings, clock: Clock, target: Target) -> None:
        """Keep the target."""
        super().__init__(settings, clock)
        self._target = target

    def _find(self) -> Target:
        return self._target


class BrowserApp(TopApp):
    """The dashboard behind a page."""

    CSS_PATH = str(Path(app_file).with_name("theme.tcss"))

    def get_driver_class(self) -> type[Driver]:
        """Draw for a page."""
        return BrowserDriver


def make_app(told: HandOver) -> BrowserApp:
    """Return the app for what the server handed over. Raises ConfigError for keys that nobody can use."""
    settings = Settings(data=NOWHERE, top=_top(told), ssh=_ssh(told))
    clock = SystemClock()
    target = Target(told.url, told.token, pin=told.pin, next_pins=told.next_pins)
    source = BrowserSource(settings, clock, target)
    return BrowserApp(settings, parse_location("overview"), source=source, clock=clock, zone=_zone(told.zone))


def _top(told: HandOver) -> TopSettings:
    return TopSettings(
        theme=told.theme,
        ascii=told.ascii,
        bell=told.bell,
        frames_per_second=told.frames_per_second,
        keys=told.keys,
    )


def _ssh(told: HandOver) -> SshSettings:
    # No key, agent or configuration of the server's own user lets anybody in anywhere, and nobody adds to what it knows.
    return SshSettings(
        config_file=Path(os.devnull),
        known_hosts_file=Path(os.devnull),
        host_authority_file=Path(told.host_authority) if told.host_authority else None,
        agent=False,
    )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        # What a browser calls its zone may be unknown here.
        return ZoneInfo("UTC")
