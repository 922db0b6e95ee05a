"""The dialogs of shells: a question with a yes that must be meant, and lines to be answered.

A host may choose the moment of a dialog, in the middle of a word that somebody types: such a one takes no key at first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

if TYPE_CHECKING:
    from nagare.tui.app import TopApp

T = TypeVar("T")
_DEAF_SECONDS = 0.5
_CSS = """
    {name} {{ align: center middle; }}
    {name} > Vertical {{
        width: 78; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $warning; padding: 0 1;
    }}
    {name} Input {{ border: none; padding: 0 1; height: 1; background: $panel; }}
"""


class Ask(ModalScreen[T]):
    """A dialog that goes when nobody waits for its answer any more; ``is_sudden``: no person asked for it."""

    def __init__(self, *, is_sudden: bool) -> None:
        """Begin deaf where it comes by surprise."""
        super().__init__()
        self._is_sudden = is_sudden
        self._is_withdrawn = False
        self._since = math.inf

    @property
    def is_deaf(self) -> bool:
        """Whether a key is still meant for what lay there before."""
        return self._is_sudden and cast("TopApp", self.app).clock.monotonic() - self._since < _DEAF_SECONDS

    def withdraw(self) -> None:
        """Go without an answer, now or when nothing lies over it any more."""
        self._is_withdrawn = True
        if self.is_active:
            self.dismiss(None)

    def on_screen_resume(self) -> None:
        """Be seen from now on."""
        self._since = cast("TopApp", self.app).clock.monotonic()
        if self._is_withdrawn and self.is_active:
            self.dismiss(None)

    def on_key(self, event: events.Key) -> None:
        """Take no key at first."""
        if self.is_deaf:
            event.stop()
            event.prevent_default()


class _Line(Input):
    """A line that takes no key while its dialog takes none."""

    def on_key(self, event: events.Key) -> None:
        """The same."""
        if cast("AnswerForm", self.screen).is_deaf:
            event.stop()
            event.prevent_default()


class Confirmation(Ask[bool]):
    """Returns True for ``y``; everything else that leaves it is no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q,enter", "dismiss(False)", show=False),
        Binding("y", "dismiss(True)", show=False),
    ]
    DEFAULT_CSS = _CSS.format(name="Confirmation")

    def __init__(self, title: str, text: str, yes: str, *, is_sudden: bool = False) -> None:
        """Ask ``text``; ``yes`` says what y does."""
        super().__init__(is_sudden=is_sudden)
        self._title = title
        self._text = text
        self._yes = yes

    def compose(self) -> ComposeResult:
        """Show the question."""
        with Vertical() as box:
            box.border_title = Content(f" {self._title} ")
            box.border_subtitle = Content(f" y: {self._yes} · Esc: no ")
            yield Static(Text(self._text))


class AnswerForm(Ask[Sequence[str]]):
    """Returns what was typed in each line, None when it was left; secrets are shown as dots."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]
    DEFAULT_CSS = _CSS.format(name="AnswerForm")

    def __init__(self, title: str, text: str, fields: Sequence[tuple[str, bool]]) -> None:
        """Ask for ``fields``: what each is, and whether it is secret."""
        super().__init__(is_sudden=True)
        self._title = title
        self._text = text
        self._fields = fields

    def compose(self) -> ComposeResult:
        """Put the lines below each other."""
        with Vertical() as box:
            box.border_title = Content(f" {self._title} ")
            box.border_subtitle = " Enter goes on · Esc: no "
            if self._text:
                yield Static(Text(self._text))
            for label, is_secret in self._fields:
                yield Label(Text(label))
                yield _Line(password=is_secret, compact=True, select_on_focus=False)

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
        else:
            self.dismiss([field.value for field in fields])
