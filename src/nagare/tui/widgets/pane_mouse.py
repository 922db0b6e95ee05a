"""The mouse over a shell: a program that asked for it gets it, else the wheel looks back and a click follows a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.widget import Widget

from nagare.tui.shells.links import LinkPointed

if TYPE_CHECKING:
    from nagare.ssh.terminal.core import MouseEvent, TerminalCore
    from nagare.tui.widgets.terminal_pane import TerminalPane

_WHEEL_ROWS = 3


class PaneMouse(Widget):
    """Mixed into the pane."""

    @property
    def core(self) -> TerminalCore | None:
        """The emulator, from the first size on."""
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        """Whether the shell takes keys."""
        raise NotImplementedError

    def send(self, keys: bytes) -> None:
        """Send bytes to the host."""
        raise NotImplementedError

    def scroll_rows(self, rows: int) -> None:
        """Move the view in the scrollback."""
        raise NotImplementedError

    def on_click(self, event: events.Click) -> None:
        """Tell of a link that was clicked, unless a program takes clicks."""
        place, core = event.get_content_offset(self), self.core
        if core is None or place is None or (self.is_open and core.modes.mouse.value != "off"):
            return
        if address := core.link_at(place.x, place.y):
            self.post_message(LinkPointed(cast("TerminalPane", self), address))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Tell a program that asked for the mouse."""
        self._mouse(event, "press", event.button)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """The same."""
        self._mouse(event, "release", event.button)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The same."""
        self._mouse(event, "move", event.button)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Look back, unless a program takes the wheel."""
        self._wheel(event, 4, -_WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Look on."""
        self._wheel(event, 5, _WHEEL_ROWS)

    def _wheel(self, event: events.MouseEvent, button: int, rows: int) -> None:
        event.stop()
        if not self._mouse(event, "press", button):
            self.scroll_rows(rows)

    def _mouse(self, event: events.MouseEvent, kind: str, button: int) -> bool:
        place = event.get_content_offset(self)
        if self.core is None or place is None or not self.is_open:
            return False
        from nagare.ssh.terminal.core import MouseEvent  # noqa: PLC0415  there when a pane is

        told: MouseEvent = MouseEvent(kind, button, place.x, place.y, event.shift, event.meta, event.ctrl)
        keys = self.core.encode_mouse(told)
        self.send(keys)
        return bool(keys)
