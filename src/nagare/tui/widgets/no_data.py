"""What stands in the place of a list while there is nothing to list: why, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.console import RenderableType
from rich.text import Text
from textual.widgets import Static

from nagare.lib.plain_text import plain
from nagare.tui.ascii_text import to_ascii
from nagare.tui.live_model import Phase
from nagare.tui.renderables.palette import make_style

if TYPE_CHECKING:
    from nagare.tui.app import TopApp
    from nagare.tui.screens.page import Page


class NoData(Static):
    """Hidden while hosts are known."""

    DEFAULT_CSS = """
    NoData { display: none; height: 1fr; width: 1fr; content-align: center middle; text-align: center; padding: 1 2; }
    NoData.-shown { display: block; }
    """

    def refresh_text(self) -> bool:
        """Show or hide by the app's state, in the place of the page's panels; True when shown."""
        app = cast("TopApp", self.app)
        text = self._text(app)
        self.set_class(text is not None, "-shown")
        panels = self.screen.query_one_optional("#panels")
        if panels is not None:
            was_hidden, panels.display = not panels.display, text is None
            if was_hidden and text is None:
                # What is hidden loses the keys; the page gives them to its main panel again.
                self.call_after_refresh(cast("Page", self.screen).take_focus)
        if text is not None:
            self.update(text)
        return text is not None

    def _text(self, app: TopApp) -> RenderableType | None:
        model = app.model
        if model.hosts:
            return None
        connection = model.connection
        match connection.phase:
            case Phase.MISSING:
                help_ = connection.hint or "start it with: nagare up"
                return self._lines("down", "no server", connection.reason, help_, app.feed.retry_text())
            case Phase.LOST:
                return self._lines("down", "not connected", connection.reason, connection.hint, app.feed.retry_text())
            case Phase.CONNECTING:
                return self._lines("stale", "connecting", plain(connection.url), "", "")
            case _ if not model.is_primed:
                return self._lines("stale", "loading", "the server answers; asking for its hosts", "", "")
            case _:
                return self._lines(
                    "unknown", "no hosts yet", "the server runs and no agent has reported",
                    "start one on this machine with: nagare agent", "it appears here by itself",
                )  # fmt: skip

    def _lines(self, state: str, title: str, reason: str, help_: str, waiting: str) -> Text:
        palette = cast("TopApp", self.app).palette
        look = palette.state(state)
        text = Text(justify="center")
        if palette.ascii:
            title, reason, help_, waiting = (to_ascii(part) for part in (title, reason, help_, waiting))
        text.append(f"{look.glyph} {title}\n\n", look.style + make_style(bold=True))
        text.append(f"{reason}\n", make_style(palette.muted))
        if help_:
            text.append(f"\n{help_}\n", make_style(palette.foreground, bold=True))
        if waiting:
            text.append(f"\n{waiting}", make_style(palette.muted))
        return text
