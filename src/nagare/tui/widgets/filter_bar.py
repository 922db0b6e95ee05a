"""The line in which a filter is typed; it says at once how many rows match, or what it cannot read."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from nagare.lib.plain_text import plain


class FilterBar(Horizontal):
    """Shown while a filter is typed or holds. Enter keeps it, Esc clears it."""

    DEFAULT_CSS = """
    FilterBar { height: 1; background: $surface; }
    FilterBar > #sign { width: 3; color: $primary; text-style: bold; }
    FilterBar > Input { width: 1fr; border: none; padding: 0; height: 1; background: $surface; }
    FilterBar > #said { width: auto; max-width: 75%; color: $nagare-muted; padding: 0 1; }
    FilterBar.-wrong > #said { color: $warning; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", show=False),
        Binding("down", "leave", show=False),
    ]
    HINT = "words · cpu>80 · mem<=50 · state:down · role:db · !web inverts      Enter keeps   Esc clears"

    class Changed(Message):
        """The text changed; it holds at once."""

        def __init__(self, text: str) -> None:
            """Keep the text."""
            super().__init__()
            self.text = text

    class Left(Message):
        """The keys should go back to the list."""

    def compose(self) -> ComposeResult:
        """Put sign, field and answer side by side."""
        yield Static(" / ", id="sign")
        yield Input(compact=True, select_on_focus=False)
        yield Static("", id="said", markup=False)

    def on_mount(self) -> None:
        """Hide until there is a filter."""
        self.display = False

    @property
    def field(self) -> Input:
        """The text field."""
        return self.query_one(Input)

    @property
    def text(self) -> str:
        """The filter as typed."""
        return self.field.value

    @property
    def is_typing(self) -> bool:
        """Whether the field has the keys."""
        return self.field.has_focus

    @property
    def is_wrong(self) -> bool:
        """Whether the text could not be read; the last good filter holds."""
        return self.has_class("-wrong")

    def put(self, text: str) -> None:
        """Set the text without saying that it changed."""
        if self.field.value != text:
            with self.prevent(Input.Changed):
                self.field.value = text
        self.display = bool(text) or self.field.has_focus

    def open(self) -> None:
        """Show the line and take the keys."""
        self.display = True
        self.field.focus()

    def tell(self, text: str, *, is_wrong: bool = False) -> None:
        """Say how many rows match, or what is wrong."""
        self.set_class(is_wrong, "-wrong")
        said = self.query_one("#said", Static)
        # Another text has the whole screen laid out again.
        if said.content != (told := plain(text)):
            said.update(told)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pass the text on."""
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and give the keys back."""
        event.stop()
        self.action_leave()

    def action_leave(self) -> None:
        """Keep the filter and give the keys back."""
        self.display = bool(self.text)
        self.post_message(self.Left())

    def action_clear(self) -> None:
        """Clear the filter and give the keys back."""
        self.field.value = ""
        self.action_leave()
