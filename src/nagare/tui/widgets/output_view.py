"""Lines that a program wrote: virtual, painted line by line, and at the end of them while they come.

The owner gives the lines, already harmless; nothing here reads or keeps anything else. Scrolling up stops the following,
and reaching the end goes on with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from nagare.client.jobs.grouping import STDERR_MARK
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.theme import find_palette

_STEP_CELLS = 8
HEADING = "──"


class OutputView(ScrollView, can_focus=True):
    """The output of one host, or of groups of hosts below their headings."""

    HELP = "What a command wrote: `|` is its standard output, `!` its standard error. `f` stays at the end."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="output.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="output.down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="output.page_up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="output.page_down"),
        Binding("home,g", "first", "First line", show=False, id="output.first"),
        Binding("end,G", "last", "Last line", show=False, id="output.last"),
        Binding("left,h", "sideways(-1)", "Scroll left", show=False, id="output.left"),
        Binding("right,l", "sideways(1)", "Scroll right", show=False, id="output.right"),
        Binding("f", "toggle_follow", "Follow", id="output.follow"),
    ]
    DEFAULT_CSS = """
    OutputView {
        background: $background; color: $foreground; scrollbar-size: 1 1; scrollbar-size-horizontal: 0;
        border-top: solid $nagare-faint; border-title-color: $foreground;
        &:focus { border-top: heavy $foreground; border-title-style: bold reverse; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        """Begin with no line, at the end."""
        super().__init__(id=id)
        self._lines: Sequence[str] = ()
        self._empty = self._title = ""
        self.is_following = True

    @property
    def lines(self) -> Sequence[str]:
        """The lines that are shown."""
        return self._lines

    def tell(self, title: str, lines: Sequence[str], empty: str) -> None:
        """Show ``lines`` of what ``title`` names; without any, ``empty`` says why."""
        self._title, self._lines, self._empty = title, lines, empty
        self._resize()
        self.refresh()

    def _resize(self) -> None:
        # Measured by characters: wide ones are seldom, and the last of them still comes into view with the next step.
        width = max((len(line) for line in self._lines), default=0)
        self.virtual_size = Size(width, len(self._lines))
        if self.is_following:
            self.scroll_end(animate=False, immediate=True)
        self._tell_place()

    def _tell_place(self) -> None:
        count = len(self._lines)
        way = "following" if self.is_following else "f follows"
        told = f": {count} line{'' if count == 1 else 's'}, {way}" if count else ""
        # Names of hosts are foreign text: what looks like markup must stay text.
        self.border_title = Content(find_palette(self).text(self._title + told))

    def on_resize(self) -> None:
        """Keep the end in view while following."""
        self._resize()

    def render_line(self, y: int) -> Strip:
        """Return one line of the viewport."""
        palette, width, base = find_palette(self), self.size.width, self.rich_style
        at = y + round(self.scroll_y)
        if at < len(self._lines):
            line = palette.text(self._lines[at])
            strip = Strip([Segment(line, _style(line, palette))], cell_len(line))
            left = round(self.scroll_x)
            return strip.crop(left, left + width).adjust_cell_length(width).apply_style(base)
        text = f" {palette.text(self._empty)}" if y == 1 and not self._lines else ""
        return Strip([Segment(text, make_style(palette.muted))]).adjust_cell_length(width).apply_style(base)

    def _scroll_by(self, lines: int) -> None:
        self.scroll_to(y=max(0, round(self.scroll_y) + lines), animate=False, immediate=True)
        self._set_following(following=self.scroll_y >= self.max_scroll_y)

    def _set_following(self, *, following: bool) -> None:
        self.is_following = following
        self._tell_place()

    def action_move(self, lines: int) -> None:
        """Scroll by lines."""
        self._scroll_by(lines)

    def action_page(self, pages: int) -> None:
        """Scroll by screenfuls."""
        self._scroll_by(pages * max(1, self.size.height - 1))

    def action_first(self) -> None:
        """Show the first line."""
        self._scroll_by(-len(self._lines))

    def action_last(self) -> None:
        """Show the last line, and stay there."""
        self._scroll_by(len(self._lines))

    def action_sideways(self, steps: int) -> None:
        """Show another part of long lines."""
        self.scroll_to(x=max(0, round(self.scroll_x) + steps * _STEP_CELLS), animate=False, immediate=True)

    def action_toggle_follow(self) -> None:
        """Stay at the end, or where it is."""
        self._set_following(following=not self.is_following)
        if self.is_following:
            self.scroll_end(animate=False, immediate=True)

    def on_mouse_scroll_up(self) -> None:
        """A wheel that goes up looks at what was: it must not be pulled to the end again."""
        self._set_following(following=False)


def _style(line: str, palette: Palette) -> Style:
    if line.startswith((HEADING, "--")):
        return make_style(palette.accent, bold=True)
    if line.startswith("…"):
        return make_style(palette.muted)
    return palette.state("warn").style if line.startswith(STDERR_MARK) else make_style(palette.foreground)
