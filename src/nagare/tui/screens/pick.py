"""A choice among many things: narrowed by typing, with all of the one under the cursor below the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from nagare.lib.plain_text import plain, plain_lines
from nagare.tui.renderables.cell_text import cut, fit
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.theme import find_palette

_WIDTH, _FRAME_CELLS, _TOLD_WIDTH = 110, 6, 26
_PREVIEW_LINES, _PREVIEW_LETTERS = 6, 2000
# More lines are no list for eyes; typing narrows them.
_SHOWN_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose: what it is called, a few words at the right, and all of it."""

    id: str
    title: str
    told: str = ""
    whole: str = ""
    can_go: bool = False


@dataclass(frozen=True, slots=True)
class Picked:
    """What was chosen, or what shall be forgotten."""

    id: str
    is_forgotten: bool = False


class Pick(ModalScreen[Picked | None]):
    """Returns what was picked, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("down", "step(1)", show=False, priority=True),
        Binding("pageup", "step(-8)", show=False, priority=True),
        Binding("pagedown", "step(8)", show=False, priority=True),
        Binding("f8", "forget", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    Pick { align: center middle; }
    Pick > Vertical {
        width: 110; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $primary; border-title-color: $foreground; padding: 0 1;
    }
    Pick Input { border: none; padding: 0 1; height: 1; background: $panel; }
    Pick OptionList { border: none; height: auto; max-height: 14; background: $surface; padding: 0; scrollbar-size: 1 1; }
    Pick #whole { height: auto; max-height: 6; color: $nagare-muted; margin-top: 1; }
    Pick.-flat #whole { display: none; }
    """

    def __init__(
        self, title: str, choices: Sequence[Choice], *, nothing: str = "nothing matches", verb: str = "takes it"
    ) -> None:
        """Offer ``choices``; ``verb`` says what Enter does."""
        super().__init__()
        self._title = title
        self._choices = {choice.id: choice for choice in choices}
        self._nothing = nothing
        self._verb = verb

    def compose(self) -> ComposeResult:
        """Put the field above the list, and the whole of one below."""
        palette = find_palette(self)
        forgets = " · F8 forgets" if any(choice.can_go for choice in self._choices.values()) else ""
        with Vertical() as box:
            box.border_title = Content(palette.text(f" {self._title} "))
            box.border_subtitle = Content(palette.text(f" Enter {self._verb}{forgets} · Esc leaves "))
            yield Input(placeholder="type to search", compact=True)
            yield OptionList(compact=True)
            yield Static("", id="whole", markup=False)

    def on_mount(self) -> None:
        """List all and take the keys."""
        self._list("")
        self.query_one(Input).focus()

    def on_resize(self) -> None:
        """Draw the lines as wide as there is room."""
        self._list(self.query_one(Input).value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        self._list(event.value)

    def _list(self, text: str) -> None:
        words = text.casefold().split()
        found = [
            one
            for one in self._choices.values()
            if all(word in f"{one.title} {one.whole}".casefold() for word in words)
        ]
        options, palette = self.query_one(OptionList), find_palette(self)
        room = min(_WIDTH, self.app.size.width) - _FRAME_CELLS
        options.clear_options()
        options.add_options([Option(_line(one, palette, room), id=one.id) for one in found[:_SHOWN_LIMIT]])
        options.highlighted = 0 if found else None
        self._show(found[0] if found else None)

    def _show(self, choice: Choice | None) -> None:
        if choice is None:
            self.query_one("#whole", Static).update(self._nothing)
            return
        lines = plain_lines(choice.whole[:_PREVIEW_LETTERS]).split("\n")
        more = find_palette(self).glyphs.more
        shown = lines if len(lines) <= _PREVIEW_LINES else [*lines[: _PREVIEW_LINES - 1], more]
        self.query_one("#whole", Static).update("\n".join(shown))

    def action_step(self, way: int) -> None:
        """Move in the list while the field keeps the keys."""
        options = self.query_one(OptionList)
        if options.option_count:
            options.highlighted = max(0, min(options.option_count - 1, (options.highlighted or 0) + way))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show all of it."""
        self._show(self._choices.get(event.option.id or ""))

    def on_input_submitted(self) -> None:
        """Take what is highlighted."""
        choice = self._highlighted()
        if choice is not None:
            self.dismiss(Picked(choice.id))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take what was clicked."""
        self.dismiss(Picked(event.option.id or ""))

    def action_forget(self) -> None:
        """Forget what is highlighted, where that can be."""
        choice = self._highlighted()
        if choice is not None and choice.can_go:
            self.dismiss(Picked(choice.id, is_forgotten=True))

    def _highlighted(self) -> Choice | None:
        options = self.query_one(OptionList)
        if options.highlighted is None:
            return None
        return self._choices.get(options.get_option_at_index(options.highlighted).id or "")


def _line(choice: Choice, palette: Palette, room: int) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    more = palette.glyphs.more
    told = cut(palette.text(plain(choice.told)), min(_TOLD_WIDTH, room // 2), more)
    line.append(
        fit(palette.text(plain(choice.title)), room - len(told) - 1, more) + " ", make_style(palette.foreground)
    )
    line.append(told, make_style(palette.muted))
    return line
