"""The choice of a time: usual spans by digit, a moment that is not long ago by letter, or one that is typed."""

from __future__ import annotations

from datetime import tzinfo
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from nagare.errors import InputError
from nagare.tui.location import Window, around, parse_window
from nagare.tui.renderables.time_axis import format_clock
from nagare.tui.time_choice import AGO, CHOICES, parse_time


class TimeChoice(ModalScreen[Window | None]):
    """Returns the chosen window, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]
    DEFAULT_CSS = """
    TimeChoice { align: center middle; }
    TimeChoice > Vertical { width: 60; max-width: 100%; height: auto; background: $surface; border: round $primary; padding: 0 2; }
    TimeChoice Input { border: none; padding: 0; height: 1; background: $panel; }
    TimeChoice #said { color: $warning; height: auto; }
    """

    def __init__(self, span_seconds: int, now_ms: int, zone: tzinfo | None) -> None:
        """Keep what a moment needs to become a window."""
        super().__init__()
        self._span_seconds = span_seconds
        self._now_ms = now_ms
        self._zone = zone

    def compose(self) -> ComposeResult:
        """Show the spans and the field."""
        with Vertical() as box:
            box.border_title = " Time "
            box.border_subtitle = " Enter shows · Esc leaves "
            text = Text()
            for digit, choice in enumerate(CHOICES, 1):
                text.append(f" {digit} ", "bold reverse")
                text.append(f" {choice}  ")
            text.append("\n")
            for letter, (words, _) in AGO.items():
                text.append(f" {letter} ", "bold reverse")
                text.append(f" {words}  ")
            yield Static(text)
            yield Input(
                placeholder=f"or 90m, auto, 14:05, yesterday 14:05 (now {format_clock(self._now_ms, self._zone)})",
                compact=True,
            )
            yield Static("", id="said", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """A lone digit chooses a span at once, a lone letter how long ago."""
        if event.value in map(str, range(1, len(CHOICES) + 1)):
            self.dismiss(parse_window(CHOICES[int(event.value) - 1]))
        elif event.value in AGO:
            moment_ms = self._now_ms - AGO[event.value][1] * 1000
            self.dismiss(around(moment_ms, self._span_seconds, self._now_ms))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Show what was typed, or say what is wrong with it."""
        try:
            self.dismiss(parse_time(event.value, self._span_seconds, self._now_ms, self._zone))
        except InputError as error:
            self.query_one("#said", Static).update(f"{error.message}\n{error.hint}")
