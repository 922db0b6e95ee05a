"""The line in which a question in words is typed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

_LONGEST = 1000


class QuestionLine(Horizontal):
    """Shown while a question is typed. Enter asks it, Esc leaves it; what was typed stays until it is asked."""

    DEFAULT_CSS = """
    QuestionLine { height: 1; background: $surface; display: none; }
    QuestionLine.-open { display: block; }
    QuestionLine > #mark { width: 6; color: $primary; text-style: bold; }
    QuestionLine > Input { width: 1fr; border: none; padding: 0; height: 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]
    HINT = "a question in words: the configured model answers it from the evidence      Enter asks   Esc leaves"

    class Asked(Message):
        """The question is whole."""

        def __init__(self, text: str) -> None:
            """Keep the question."""
            super().__init__()
            self.text = text

    class Left(Message):
        """The keys should go back."""

    def compose(self) -> ComposeResult:
        """Put mark and field side by side."""
        yield Static(" ask ", id="mark")
        yield Input(compact=True, select_on_focus=False, max_length=_LONGEST)

    @property
    def field(self) -> Input:
        """The text field."""
        return self.query_one(Input)

    @property
    def is_typing(self) -> bool:
        """Whether the field has the keys."""
        return self.field.has_focus

    def open(self) -> None:
        """Show the line and take the keys."""
        self.add_class("-open")
        self.field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask, unless nothing was typed."""
        event.stop()
        text = event.value.strip()
        if text:
            self.field.value = ""
            self.post_message(self.Asked(text))
        self.action_leave()

    def action_leave(self) -> None:
        """Give the keys back."""
        self.remove_class("-open")
        self.post_message(self.Left())
