"""A few lines to fill in: the name of a query, the values of its parameters. What is wrong is said, and stays typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from nagare.errors import InputError
from nagare.lib.plain_text import plain

# What is typed in each line -> nothing, or InputError.
Check = Callable[[Sequence[str]], object]


class FieldsForm(ModalScreen[Sequence[str] | None]):
    """Returns what was typed in each line, None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]
    DEFAULT_CSS = """
    FieldsForm { align: center middle; }
    FieldsForm > VerticalScroll {
        width: 78; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $primary; border-title-color: $foreground; padding: 0 1; scrollbar-size: 1 1;
    }
    FieldsForm Input { border: none; padding: 0 1; height: 1; background: $panel; }
    FieldsForm #said { height: auto; color: $warning; }
    """

    def __init__(self, title: str, fields: Sequence[tuple[str, str]], check: Check, *, told: str = "") -> None:
        """Ask for ``fields``: what each is, and what stands in it; ``check`` says what is wrong with them."""
        super().__init__()
        self._title = title
        self._fields = fields
        self._check = check
        self._told = told

    def compose(self) -> ComposeResult:
        """Put the lines below each other."""
        with VerticalScroll(can_focus=False) as box:
            box.border_title = Content(f" {self._title} ")
            box.border_subtitle = " Enter goes on · Esc leaves "
            for label, value in self._fields:
                yield Label(Content(plain(label)))
                yield Input(plain(value), compact=True, select_on_focus=True)
            yield Static(self._told, id="said", markup=False)

    def on_mount(self) -> None:
        """Give the keys to the first line."""
        self.query(Input).first().focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next line, or leave with all of them."""
        event.stop()
        fields = list(self.query(Input))
        at = fields.index(event.input)
        if at + 1 < len(fields):
            fields[at + 1].focus()
            return
        values = [field.value for field in fields]
        try:
            self._check(values)
        except InputError as error:
            self.query_one("#said", Static).update(f"{error.message}\n{error.hint}".strip())
            return
        self.dismiss(values)
