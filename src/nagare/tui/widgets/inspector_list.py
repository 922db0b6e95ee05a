"""The panel beside a list: facts as key and value, bars, headings, notes. Not focusable; it follows what is selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from nagare.tui.renderables.cell_text import cut, fit
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.ratio_bar import ratio_bar
from nagare.tui.renderables.sparkline import sparkline
from nagare.tui.renderables.theme import find_palette


@dataclass(frozen=True, slots=True)
class Heading:
    """A line that names what follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A key and its value; ``state`` gives the value a state's glyph and colour."""

    key: str
    value: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio with its bar; ``text`` stands for the percentage, ``history`` adds a sparkline below."""

    key: str
    ratio: float | None
    text: str | None = None
    history: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """A line of talk, with a state's glyph when it has one."""

    text: str
    state: str = ""


Item = Heading | Fact | Bar | Note

_KEY_WIDTH = 11


def draw_inspector(items: Sequence[Item], width: int, palette: Palette) -> list[list[Segment]]:
    """Return the lines of a panel, each at most ``width`` cells."""
    lines: list[list[Segment]] = []
    for item in items:
        match item:
            case Heading(text):
                if lines:
                    lines.append([])
                lines.append(
                    [
                        Segment(
                            cut(palette.text(text), width, palette.glyphs.more),
                            make_style(palette.foreground, bold=True),
                        )
                    ]
                )
            case Fact():
                lines.append(_draw_fact(item, width, palette))
            case Bar():
                lines += _draw_bar(item, width, palette)
            case Note():
                lines.append(_draw_note(item, width, palette))
    return lines


def _key_width(width: int) -> int:
    return min(_KEY_WIDTH, max(0, width // 2 - 1))


def _draw_fact(fact: Fact, width: int, palette: Palette) -> list[Segment]:
    keys = _key_width(width)
    key = Segment(fit(palette.text(fact.key), keys, palette.glyphs.more) + " ", make_style(palette.muted))
    if fact.state:
        look = palette.state(fact.state)
        return [
            key,
            Segment(cut(f"{look.glyph} {palette.text(fact.value)}", width - keys - 1, palette.glyphs.more), look.style),
        ]
    return [
        key,
        Segment(cut(palette.text(fact.value), width - keys - 1, palette.glyphs.more), make_style(palette.foreground)),
    ]


def _draw_bar(bar: Bar, width: int, palette: Palette) -> list[list[Segment]]:
    keys = _key_width(width)
    key = Segment(fit(palette.text(bar.key), keys, palette.glyphs.more) + " ", make_style(palette.muted))
    lines = [[key, *ratio_bar(bar.ratio, width - keys - 1, palette, text=bar.text)]]
    if len(bar.history):
        text = sparkline(bar.history, width - keys - 1, palette)
        lines.append([Segment(" " * (keys + 1)), Segment(text, make_style(palette.ratio_colour(bar.ratio or 0.0)))])
    return lines


def _draw_note(note: Note, width: int, palette: Palette) -> list[Segment]:
    if not note.state:
        return [Segment(cut(palette.text(note.text), width, palette.glyphs.more), make_style(palette.muted))]
    look = palette.state(note.state)
    text = cut(palette.text(note.text), max(0, width - 2), palette.glyphs.more)
    return [Segment(f"{look.glyph} "[:width], look.style), Segment(text, make_style(palette.foreground))]


class InspectorList(Widget):
    """Facts of the selected thing."""

    DEFAULT_CSS = """
    InspectorList {
        background: $background;
        color: $foreground;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  textual's own name
        """Make an empty panel."""
        super().__init__(id=id)
        self._items: tuple[Item, ...] = ()
        self._strips: list[Strip] = []
        self._strips_key: object = None

    def set_items(self, items: Sequence[Item]) -> None:
        """Show these items; what finds no room at the bottom is counted there."""
        if tuple(items) == self._items:
            return
        self._items = tuple(items)
        before, key = self._strips, self._strips_key
        self._strips_key = None
        if key is None:
            self.refresh()
            return
        # Most lines read as before: only the others are drawn again.
        self._prepare()
        if self._strips_key != key or len(before) != len(self._strips):
            self.refresh()
        elif changed := [y for y, strip in enumerate(self._strips) if strip != before[y]]:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def notify_style_update(self) -> None:
        """Forget what is painted: the theme changed."""
        super().notify_style_update()
        self._strips_key = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of a region; styles are looked up once for all of them."""
        self._prepare()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        if self._strips_key is None:
            self._prepare()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def _prepare(self) -> None:
        base, palette = self.rich_style, find_palette(self)
        key = (self.size, base, palette)
        if self._strips_key != key:
            self._strips = self._draw(palette)
            self._strips_key = key

    def _draw(self, palette: Palette) -> list[Strip]:
        width, height = self.size
        lines = draw_inspector(self._items, width, palette)
        if len(lines) > height > 0:
            rest = f"{palette.glyphs.more} {len(lines) - height + 1} more lines"
            lines = [*lines[: height - 1], [Segment(cut(rest, width, palette.glyphs.more), make_style(palette.muted))]]
        base = self.rich_style
        return [_strip(line, width, base) for line in lines]


def _strip(line: list[Segment], width: int, base: Style) -> Strip:
    used = sum(cell_len(segment.text) for segment in line)
    return Strip([*line, Segment(" " * max(0, width - used))]).apply_style(base).crop(0, width)
