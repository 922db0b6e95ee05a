"""The whole text of an error, which elsewhere has one line."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static


class ErrorScreen(ModalScreen[None]):
    """What happened and the way out; ``y`` copies it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,d", "dismiss", show=False),
        Binding("y", "copy", show=False),
    ]
    DEFAULT_CSS = """
    ErrorScreen { align: center middle; }
    ErrorScreen > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $warning; padding: 1 2;
    }
    """

    def __init__(self, message: str, hint: str) -> None:
        """Show ``message`` and ``hint``."""
        super().__init__()
        self._message = message
        self._hint = hint

    def compose(self) -> ComposeResult:
        """Show both."""
        with VerticalScroll() as box:
            box.border_title = " What went wrong "
            box.border_subtitle = " y copies · Esc closes "
            yield Static(Text(self._message))
            if self._hint:
                yield Static(Text(f"\n{self._hint}", "bold"))

    def action_copy(self) -> None:
        """Copy the text and close."""
        self.app.copy_to_clipboard(f"{self._message}\n{self._hint}".strip())
        self.dismiss()
