"""Colours, glyphs and words that mean something: the one place that says what a state looks like.

Okabe–Ito colours (safe for every common colour blindness), darkened for a light background so that text keeps a
contrast of 4.5:1 or more. No state is told by colour alone: each also has a glyph and a word. Knows no widget and
imports no textual, so that the command line draws with it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

from rich.color import Color
from rich.style import Style

GRADIENT_STEPS = 33


@dataclass(frozen=True, slots=True)
class StateLook:
    """How one state is drawn; ``rank`` orders states, the worst first."""

    name: str
    glyph: str
    word: str
    colour: str
    rank: int
    bold: bool = False
    dim: bool = False

    @property
    def style(self) -> Style:
        """The style of the glyph and the word."""
        return make_style(self.colour, bold=self.bold, dim=self.dim)


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Every character that is drawn around numbers, in Unicode or in ASCII."""

    spark: str
    bar_full: str
    bar_parts: str
    bar_empty: str
    hatch: str
    skeleton: str
    grid: str
    crosshair: str
    event: str
    cell: str
    mark: str
    cursor: str
    ascending: str
    descending: str
    trend_up: str
    trend_flat: str
    trend_down: str
    more: str
    ellipsis: str
    dot: str
    frame: str
    frame_focused: str
    series: tuple[str, ...]


UNICODE = Glyphs(
    spark="▁▂▃▄▅▆▇█", bar_full="█", bar_parts="▏▎▍▌▋▊▉", bar_empty="░", hatch="░", skeleton="▒", grid="┈",
    crosshair="│", event="▾", cell="■", mark="▌", cursor="›", ascending="▲", descending="▼", trend_up="↗", trend_flat="→",
    trend_down="↘", more="…", ellipsis="…", dot="·", frame="╭─╮│╰╯", frame_focused="┏━┓┃┗┛",
    series=("•", "▴", "▪", "◆", "×", "◦", "▵", "▫"),
)  # fmt: skip
ASCII = Glyphs(
    spark="_.-~=*%#", bar_full="#", bar_parts="", bar_empty=".", hatch=":", skeleton=":", grid=".",
    crosshair="|", event="v", cell="#", mark="*", cursor=">", ascending=" ^", descending=" v", trend_up="/", trend_flat="-",
    trend_down="\\", more="~", ellipsis="...", dot="|", frame="+-+|++", frame_focused="#=#H##",
    series=("*", "x", "o", "+", "@", "%", "&", "s"),
)  # fmt: skip


_ASCII_LIKENESS = str.maketrans(
    {"–": "-", "—": "-", "µ": "u", "°": "", "·": "|", "…": "~", "×": "x", "→": "->", "▸": ">"}
)


@dataclass(frozen=True, slots=True)
class Palette:
    """All colours of one theme and the glyphs to draw with."""

    name: str
    dark: bool
    background: str
    surface: str
    panel: str
    foreground: str
    muted: str
    faint: str
    accent: str
    series: tuple[str, ...]
    gradient: tuple[str, ...]
    states: Mapping[str, StateLook]
    glyphs: Glyphs = UNICODE
    # Whether colours will be taken away (NO_COLOR): areas are then told apart by their shade.
    mono: bool = False

    @property
    def ascii(self) -> bool:
        """Whether only ASCII may be drawn."""
        return self.glyphs is ASCII

    def text(self, text: str) -> str:
        """Return ``text`` as it may be drawn: in ASCII, what has no likeness becomes a question mark."""
        if not self.ascii or text.isascii():
            return text
        return text.translate(_ASCII_LIKENESS).encode("ascii", "replace").decode("ascii")

    def area_glyph(self, index: int) -> str:
        """Return what fills the area number ``index`` where colour does not: letters in ASCII, shades without colour."""
        if self.ascii:
            return self.series_glyph(index)
        return "█▓▒░"[index % 4] if self.mono else self.glyphs.cell

    def state(self, name: str) -> StateLook:
        """Return the look of a state; a word that is not one of ours looks unknown."""
        return self.states.get(name, self.states["unknown"])

    def series_colour(self, index: int) -> str:
        """Return the colour of the line number ``index``; colours repeat, glyphs repeat with another phase."""
        return self.series[index % len(self.series)]

    def series_glyph(self, index: int) -> str:
        """Return the marker of the line number ``index``."""
        return self.glyphs.series[(index + index // len(self.series)) % len(self.glyphs.series)]

    def ratio_colour(self, ratio: float) -> str:
        """Return the gradient's colour at ``ratio``; outside 0–1 and NaN take the nearer end."""
        if not ratio > 0:
            return self.gradient[0]
        return self.gradient[min(GRADIENT_STEPS - 1, int(min(ratio, 1.0) * (GRADIENT_STEPS - 1) + 0.5))]


_STATE_SHAPES = (
    # name, glyph, ASCII glyph, word, rank, bold, dim
    ("crit", "✖", "X", "crit", 0, True, False),
    ("warn", "▲", "!", "warn", 1, False, False),
    ("down", "○", "-", "down", 2, False, False),
    ("stale", "◌", "~", "stale", 3, False, False),
    ("ack", "■", "=", "ack", 4, False, False),
    ("unknown", "?", "?", "unknown", 5, False, False),
    ("info", "◆", "i", "info", 6, False, False),
    ("up", "●", "+", "up", 7, False, False),
    # How far a command has come. What waits for a person stands first, then what moves, then what ended badly.
    ("pending", "◇", "w", "waits", 0, True, False),
    ("started", "►", ">", "runs", 1, True, False),
    ("sent", "◑", "s", "sent", 2, False, False),
    ("queued", "◔", "q", "queued", 3, False, False),
    ("approved", "◎", "o", "agreed", 4, False, False),
    ("lost", "¿", "l", "lost", 5, True, False),
    ("failed", "✘", "f", "failed", 6, True, False),
    ("expired", "◷", "e", "expired", 7, False, False),
    ("cancelled", "▬", "c", "cancelled", 8, False, False),
    ("done", "✔", "d", "done", 9, False, False),
    # How bad an alert is, where no word above says it, and how far it has come.
    ("high", "◈", "H", "high", 0, True, False),
    ("firing", "◉", "*", "firing", 1, True, False),
    ("again", "↺", "&", "again", 1, True, False),
    ("resolved", "✓", "v", "resolved", 8, False, False),
    ("closed", "▫", ".", "closed", 9, False, False),
    # How far a notification has come, and whether a sign of life came, where no word above says it.
    ("dead", "⊠", "D", "dead", 0, True, False),
    ("waiting", "◒", "t", "waiting", 1, False, False),
    ("dropped", "⊟", "p", "dropped", 8, False, False),
    ("open", "◍", "O", "open", 3, False, False),
    ("missing", "∅", "0", "missing", 0, True, False),
    ("late", "◵", "L", "late", 1, False, False),
    ("ok", "⊕", "k", "ok", 7, False, False),
    # Whether a schedule makes tasks; one that is on and cannot stands first.
    ("fault", "⊗", "#", "fault", 0, True, False),
    ("on", "▣", "@", "on", 1, False, False),
    ("off", "□", "_", "off", 2, False, False),
)


def _states(colours: Mapping[str, str], *, ascii_only: bool) -> Mapping[str, StateLook]:
    return MappingProxyType(
        {
            name: StateLook(name, letter if ascii_only else glyph, word, colours[name], rank, bold, dim)
            for name, glyph, letter, word, rank, bold, dim in _STATE_SHAPES
        }
    )


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _encoded(channel: float) -> float:
    return channel * 12.92 if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return red, green, blue


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` as WCAG defines it."""
    red, green, blue = _channels(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the WCAG contrast of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def blend(one: str, other: str, share: float) -> str:
    """Return the colour ``share`` of the way from ``one`` to ``other``, mixed in linear light."""
    mixed = (a + (b - a) * share for a, b in zip(_channels(one), _channels(other), strict=True))
    return "#" + "".join(f"{round(min(1.0, max(0.0, _encoded(channel))) * 255):02x}" for channel in mixed)


def _gradient(*stops: str) -> tuple[str, ...]:
    spans = len(stops) - 1
    colours = []
    for step in range(GRADIENT_STEPS):
        position = step * spans / (GRADIENT_STEPS - 1)
        at = min(spans - 1, int(position))
        colours.append(blend(stops[at], stops[at + 1], position - at))
    return tuple(colours)


_DARK_STATES = {
    "up": "#56b4e9", "warn": "#e69f00", "crit": "#d55e00", "ack": "#cc79a7", "info": "#009e73",
    "stale": "#93a0ad", "down": "#8a949e", "unknown": "#8a949e",
    "pending": "#e69f00", "started": "#56b4e9", "sent": "#56b4e9", "queued": "#93a0ad", "approved": "#93a0ad",
    "lost": "#cc79a7", "failed": "#d55e00", "expired": "#cc79a7", "cancelled": "#8a949e", "done": "#009e73",
    "high": "#e8754a", "firing": "#d55e00", "again": "#d55e00", "resolved": "#009e73", "closed": "#8a949e",
    "fault": "#d55e00", "on": "#56b4e9", "off": "#8a949e",
    "dead": "#d55e00", "waiting": "#e69f00", "open": "#cc79a7", "dropped": "#8a949e", "missing": "#d55e00", "late": "#e69f00", "ok": "#56b4e9",
}  # fmt: skip
_LIGHT_STATES = {
    "up": "#0067a3", "warn": "#976300", "crit": "#8c2600", "ack": "#96406f", "info": "#00684b",
    "stale": "#55616d", "down": "#5d6670", "unknown": "#5d6670",
    "pending": "#976300", "started": "#0067a3", "sent": "#0067a3", "queued": "#55616d", "approved": "#55616d",
    "lost": "#96406f", "failed": "#8c2600", "expired": "#96406f", "cancelled": "#5d6670", "done": "#00684b",
    "high": "#a83e00", "firing": "#8c2600", "again": "#8c2600", "resolved": "#00684b", "closed": "#5d6670",
    "fault": "#8c2600", "on": "#0067a3", "off": "#5d6670",
    "dead": "#8c2600", "waiting": "#976300", "open": "#96406f", "dropped": "#5d6670", "missing": "#8c2600", "late": "#976300", "ok": "#0067a3",
}  # fmt: skip

DARK = Palette(
    name="nagare-dark", dark=True, background="#0b0e12", surface="#11151a", panel="#1a2027",
    foreground="#d5dce4", muted="#8b98a5", faint="#39434d", accent="#56b4e9",
    series=("#56b4e9", "#e69f00", "#20b486", "#cc79a7", "#f0e442", "#8f9bff", "#e8754a", "#b7c0c9"),
    gradient=_gradient("#3f8fd6", "#5c9bd2", "#8faabb", "#d9a75c", "#ffb347"),
    states=_states(_DARK_STATES, ascii_only=False),
)  # fmt: skip
LIGHT = Palette(
    name="nagare-light", dark=False, background="#f7f8fa", surface="#ffffff", panel="#e9edf1",
    foreground="#1b232b", muted="#55616d", faint="#c3cbd3", accent="#0067a3",
    series=("#0067a3", "#8a5a00", "#00684b", "#96406f", "#6b6000", "#4a4fc4", "#a83e00", "#4b555f"),
    gradient=_gradient("#0b4a80", "#2c5a85", "#57616d", "#8a5a1e", "#b45400"),
    states=_states(_LIGHT_STATES, ascii_only=False),
)  # fmt: skip


@lru_cache(maxsize=8)
def make_palette(name: str = "nagare-dark", *, ascii_only: bool = False, mono: bool = False) -> Palette:
    """Return the palette of a theme name (light if the name says so), in ASCII or for a screen without colours."""
    base = LIGHT if "light" in name else DARK
    colours = dict(_DARK_STATES if base.dark else _LIGHT_STATES)
    if mono:
        # As greys their colours would be dimmer than the text around them.
        bright = (
            "crit", "warn", "pending", "lost", "failed", "fault", "high", "firing", "again", "dead", "waiting", "missing", "late",
        )  # fmt: skip
        colours |= dict.fromkeys(bright, base.foreground)
    glyphs = ASCII if ascii_only else UNICODE
    if base.glyphs is glyphs and not mono:
        return base
    return replace(base, glyphs=glyphs, mono=mono, states=_states(colours, ascii_only=ascii_only))


@lru_cache(maxsize=4096)
def make_style(
    colour: str | None = None,
    background: str | None = None,
    *,
    bold: bool = False,
    dim: bool = False,
    reverse: bool = False,
    underline: bool = False,
) -> Style:
    """Return a cached rich style; unset attributes stay unset, so that a base style shows through."""
    return Style(
        color=Color.parse(colour) if colour else None,
        bgcolor=Color.parse(background) if background else None,
        bold=bold or None,
        dim=dim or None,
        reverse=reverse or None,
        underline=underline or None,
    )
