"""Asks a person to agree to exactly what is shown: a plan with its hosts and words, then a word that one key cannot be.

The plan stands still while it is looked at: what is agreed to is what was read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from nagare.client.jobs.plans import PlanRow
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.theme import find_palette


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: rows to read, and the ``word`` to type; without one, Enter agrees.

    ``reason`` asks for a reason as well, and says what for; it may stay empty where it ``is_optional``. ``warning`` stands above
    the field. One that ``is_grave`` is red.
    """

    title: str
    rows: tuple[PlanRow, ...]
    verb: str
    word: str = ""
    reason: str = ""
    warning: str = ""
    is_optional: bool = False
    is_grave: bool = False


class Agreement(ModalScreen[str | None]):
    """Returns the reason (empty where none is asked for) of who agreed, None of who did not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("enter", "agree", show=False),
        Binding("pageup,up", "scroll(-1)", show=False),
        Binding("pagedown,down", "scroll(1)", show=False),
    ]
    DEFAULT_CSS = """
    Agreement { align: center middle; }
    Agreement > Vertical {
        width: 100; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $warning; border-title-color: $foreground; padding: 0 1;
    }
    Agreement VerticalScroll { height: auto; max-height: 100%; min-height: 3; }
    Agreement #fields { height: auto; dock: bottom; background: $surface; }
    Agreement Input { border: none; padding: 0 1; height: 1; background: $panel; margin: 0 0 0 0; }
    Agreement #warning { color: $warning; text-style: bold; height: auto; }
    Agreement.-grave > Vertical { border: heavy $error; border-title-color: $error; }
    Agreement.-grave #warning { color: $error; text-style: bold reverse; }
    Agreement #said { color: $warning; height: auto; }
    """

    def __init__(self, question: Question) -> None:
        """Ask ``question``."""
        super().__init__(classes="-grave" if question.is_grave else None)
        self._question = question

    def compose(self) -> ComposeResult:
        """Show the rows, and below them, always in sight, what is to be typed."""
        question = self._question
        with Vertical() as box:
            box.border_title = Content(f" {question.title} ")
            box.border_subtitle = Content(
                find_palette(self).text(f" Enter to {question.verb} · Esc leaves it as it is ")
            )
            with VerticalScroll(can_focus=not (question.word or question.reason)):
                yield Static(rows_table(question.rows, find_palette(self)))
            with Vertical(id="fields"):
                yield Static(Text(question.warning), id="warning")
                if question.reason:
                    yield Input(placeholder=question.reason, id="reason", compact=True, max_length=1000)
                if question.word:
                    yield Input(
                        placeholder=f"type {question.word} to {question.verb}", id="word", compact=True, max_length=300
                    )
                yield Static("", id="said", markup=False)

    def on_mount(self) -> None:
        """Give the keys to the first field."""
        self.query_one("#warning").display = bool(self._question.warning)
        self.query_one("#said").display = False
        for found in [*self.query(Input), *self.query(VerticalScroll)][:1]:
            found.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field, or agree."""
        event.stop()
        self.action_agree()

    def action_agree(self) -> None:
        """Return if all that was asked for stands there, else say what is missing."""
        question = self._question
        reason = self.query_one("#reason", Input).value.strip() if question.reason else ""
        if question.reason and not reason and not question.is_optional:
            self._say(f"say {question.reason}: it is kept")
            return
        if question.word and self.query_one("#word", Input).value.strip() != question.word:
            word = self.query_one("#word", Input)
            self._say(f"type {question.word} to {question.verb}" if word.has_focus else "")
            word.focus()
            return
        self.dismiss(reason)

    def action_scroll(self, way: int) -> None:
        """Scroll the rows; the field keeps the keys."""
        rows = self.query_one(VerticalScroll)
        rows.scroll_relative(y=way * max(1, rows.size.height - 1), animate=False)

    def _say(self, text: str) -> None:
        said = self.query_one("#said", Static)
        said.display = bool(text)
        said.update(text)


def rows_table(rows: Iterable[PlanRow], palette: Palette) -> Table:
    """Return rows with their labels; lines that are too long are wrapped and never cut."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, width=9)
    table.add_column(overflow="fold")
    muted, plain_ = make_style(palette.muted), make_style(palette.foreground)
    for row in rows:
        table.add_row(Text(row.label, muted), Text("\n".join(map(palette.text, row.lines)), plain_))
    return table


def word_for(hosts: Iterable[str]) -> str:
    """Return what is to be typed for these hosts: the name of the only one, else their number."""
    named = list(hosts)
    return named[0] if len(named) == 1 else str(len(named))
