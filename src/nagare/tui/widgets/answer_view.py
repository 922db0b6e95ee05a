"""The answer of a diagnosis: lines with labels that scroll, wrapped to the width there is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from nagare.tui.diagnosis.told import Line
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.theme import find_palette

_LABEL_WIDTH = 9
# How many bars stand for what is still to come.
_SKELETON = (0.8, 0.55, 0.7)


class AnswerView(VerticalScroll, can_focus=True):
    """Says what was found, or how far it is."""

    HELP = "What was found. `p` fills in the command that is proposed, `Tab` goes to the evidence."

    DEFAULT_CSS = """
    AnswerView {
        background: $background; color: $foreground; scrollbar-size: 1 1; padding: 0 1;
        border-top: solid $nagare-faint; border-title-color: $foreground;
        &:focus { border-top: heavy $foreground; border-title-style: bold reverse; }
    }
    AnswerView > Static { height: auto; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        """Begin with nothing to tell."""
        super().__init__(id=id)
        self._told: tuple[str, tuple[Line, ...], str] | None = None

    def compose(self) -> ComposeResult:
        """Put one text into the pane."""
        yield Static(markup=False)

    def tell(self, title: str, lines: Sequence[Line], *, has_more: bool = False) -> None:
        """Show ``lines``; with ``has_more`` bars stand for what is still to come. What is shown already is not drawn again."""
        palette = find_palette(self)
        told = (title, tuple(lines), f"{palette.name} {palette.ascii} {palette.mono} {has_more}")
        if told == self._told:
            return
        self._told = told
        self.border_title = Content(palette.text(f" {title} "))
        self.query_one(Static).update(_drawn(lines, palette, has_more=has_more))


def _drawn(lines: Sequence[Line], palette: Palette, *, has_more: bool) -> Group:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(no_wrap=True, width=_LABEL_WIDTH)
    grid.add_column(overflow="fold", ratio=1)
    for line in lines:
        label = Text(palette.text(line.label), make_style(palette.muted))
        grid.add_row(label, _text(line, palette))
    bars = [Text(palette.glyphs.skeleton * round(40 * share), make_style(palette.faint)) for share in _SKELETON]
    return Group(grid, Text(), *bars) if has_more else Group(grid)


def _text(line: Line, palette: Palette) -> Text:
    look = palette.state(line.state) if line.state else None
    text = Text()
    if look is not None:
        text.append(f"{look.glyph} ", look.style)
    text.append(palette.text(line.text), look.style if look and line.look == "strong" else _style(line.look, palette))
    return text


def _style(look: str, palette: Palette) -> Style:
    match look:
        case "strong":
            return make_style(palette.foreground, bold=True)
        case "muted":
            return make_style(palette.muted)
        case "struck":
            return make_style(palette.muted) + Style(strike=True)
    return make_style(palette.foreground)
