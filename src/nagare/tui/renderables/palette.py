"""Colours, glyphs and words that mean something: the one place that says what a state looks like.

Okabe–Ito colours (safe for every common colour blindness), moved in brightness as far as text needs for a contrast of 4.5:1 or
more to its ground, 7:1 in the theme of high contrast. No state is told by colour alone: each also has a glyph and a word. Knows
no widget and imports no textual, so that the command line draws with it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

from rich.color import Color
from rich.style import Style

from nagare.tui.renderables.colour_math import GRADIENT_STEPS, make_gradient


@dataclass(frozen=True, slots=True)
class StateLook:
    """How one state is drawn; ``rank`` orders states, the worst first."""

    name: str
    glyph: str
    word: str
    colour: str
    rank: int
    bold: bool = False

    @property
    def style(self) -> Style:
        """The style of the glyph and the word."""
        return make_style(self.colour, bold=self.bold)


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
    change: str
    command: str
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
    crosshair="│", event="▾", change="⚑", command="►", cell="■", mark="▌", cursor="›", ascending="▲", descending="▼", trend_up="↗", trend_flat="→",
    trend_down="↘", more="…", ellipsis="…", dot="·", frame="╭─╮│╰╯", frame_focused="┏━┓┃┗┛",
    series=("•", "▴", "▪", "◆", "×", "◦", "▵", "▫"),
)  # fmt: skip
ASCII = Glyphs(
    spark="_.-~=*%#", bar_full="#", bar_parts="", bar_empty=".", hatch=":", skeleton=":", grid=".",
    crosshair="|", event="v", change="^", command=">", cell="#", mark="*", cursor=">", ascending=" ^", descending=" v", trend_up="/", trend_flat="-",
    trend_down="\\", more="~", ellipsis="...", dot="|", frame="+-+|++", frame_focused="#=#H##",
    series=("*", "x", "o", "+", "@", "%", "&", "s"),
)  # fmt: skip


_ASCII_LIKENESS = str.maketrans(
    {"–": "-", "—": "-", "µ": "u", "°": "", "·": "|", "…": "~", "×": "x", "→": "->", "▸": ">"}
)


@dataclass(frozen=True, slots=True)
class Palette:
    """All colours of one theme and the glyphs to draw with.

    ``alarm_ground`` and ``past_ground`` lie under lines that say that nothing is heard, or that the past is shown: on the first
    only ``foreground`` is readable, on the second also ``muted`` and ``accent``.
    """

    name: str
    title: str
    dark: bool
    background: str
    surface: str
    panel: str
    foreground: str
    muted: str
    faint: str
    accent: str
    alarm_ground: str
    past_ground: str
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
    # name, glyph, ASCII glyph, word, rank, bold, hue
    ("crit", "✖", "X", "crit", 0, True, "bad"),
    ("warn", "▲", "!", "warn", 1, False, "warn"),
    ("down", "○", "-", "down", 2, False, "over"),
    ("stale", "◌", "~", "stale", 3, False, "late"),
    ("ack", "■", "=", "ack", 4, False, "held"),
    ("unknown", "?", "?", "unknown", 5, False, "over"),
    ("info", "◆", "i", "info", 6, False, "changed"),
    ("up", "●", "+", "up", 7, False, "well"),
    # How a link is that answers late, or not always.
    ("slow", "◶", "z", "slow", 1, False, "warn"),
    # How far a command has come. What waits for a person stands first, then what moves, then what ended badly.
    ("pending", "◇", "w", "waits", 0, True, "warn"),
    ("started", "►", ">", "runs", 1, True, "well"),
    ("sent", "◑", "s", "sent", 2, False, "well"),
    ("queued", "◔", "q", "queued", 3, False, "late"),
    ("approved", "◎", "o", "agreed", 4, False, "late"),
    ("lost", "¿", "l", "lost", 5, True, "held"),
    ("failed", "✘", "f", "failed", 6, True, "bad"),
    ("expired", "◷", "e", "expired", 7, False, "held"),
    ("cancelled", "▬", "c", "cancelled", 8, False, "over"),
    ("done", "✔", "d", "done", 9, False, "changed"),
    # How bad an alert is, where no word above says it, and how far it has come.
    ("high", "◈", "H", "high", 0, True, "high"),
    ("firing", "◉", "*", "firing", 1, True, "bad"),
    ("again", "↺", "&", "again", 1, True, "bad"),
    ("resolved", "✓", "v", "resolved", 8, False, "changed"),
    ("closed", "▫", ".", "closed", 9, False, "over"),
    # How far a notification has come, and whether a sign of life came, where no word above says it.
    ("dead", "⊠", "D", "dead", 0, True, "bad"),
    ("waiting", "◒", "t", "waiting", 1, False, "warn"),
    ("dropped", "⊟", "p", "dropped", 8, False, "over"),
    ("open", "◍", "O", "open", 3, False, "held"),
    ("missing", "∅", "0", "missing", 0, True, "bad"),
    ("late", "◵", "L", "late", 1, False, "warn"),
    ("ok", "⊕", "k", "ok", 7, False, "well"),
    # Whether a schedule makes tasks; one that is on and cannot stands first.
    ("fault", "⊗", "#", "fault", 0, True, "bad"),
    ("on", "▣", "@", "on", 1, False, "well"),
    ("off", "□", "_", "off", 2, False, "over"),
)


def _states(hues: Mapping[str, str], *, ascii_only: bool) -> Mapping[str, StateLook]:
    return MappingProxyType(
        {
            name: StateLook(name, letter if ascii_only else glyph, word, hues[hue], rank, bold)
            for name, glyph, letter, word, rank, bold, hue in _STATE_SHAPES
        }
    )


def _grey_hues(palette: Palette) -> Mapping[str, str]:
    """Return the colours of states where there will be none: as greys their own would be dimmer than the text around them."""
    loud = ("bad", "high", "warn", "held")
    return {hue: palette.foreground if hue in loud else palette.muted for hue in _HUES[palette.name]}


# What states mean, as colours: well, a look, now, worse than a look; in somebody's hands or given up; something changed;
# late or waiting; silent or over.
_DARK_HUES = {
    "well": "#56b4e9", "warn": "#e69f00", "bad": "#dd6512", "high": "#e8754a", "held": "#cc79a7", "changed": "#009e73",
    "late": "#93a0ad", "over": "#8a949e",
}  # fmt: skip
_LIGHT_HUES = {
    "well": "#0067a3", "warn": "#8f5d00", "bad": "#8c2600", "high": "#a83e00", "held": "#96406f", "changed": "#00684b",
    "late": "#55616d", "over": "#5d6670",
}  # fmt: skip
_CONTRAST_HUES = {
    "well": "#6cc4ff", "warn": "#ffc233", "bad": "#ff8a57", "high": "#ffa67f", "held": "#f0a3d0", "changed": "#3fd6a4",
    "late": "#c4ccd4", "over": "#c4ccd4",
}  # fmt: skip
# Nothing but the sixteen colours that every terminal has; blue, red and magenta are too dark for text on black.
_SIXTEEN_HUES = {
    "well": "#55ffff", "warn": "#ffff55", "bad": "#ff5555", "high": "#ff5555", "held": "#ff55ff", "changed": "#55ff55",
    "late": "#aaaaaa", "over": "#aaaaaa",
}  # fmt: skip

DARK = Palette(
    name="nagare-dark", title="dark", dark=True, background="#0b0e12", surface="#11151a", panel="#1a2027",
    foreground="#d5dce4", muted="#8b98a5", faint="#39434d", accent="#56b4e9", alarm_ground="#4a3306", past_ground="#16205c",
    series=("#56b4e9", "#e69f00", "#20b486", "#cc79a7", "#f0e442", "#8f9bff", "#e8754a", "#b7c0c9"),
    gradient=make_gradient("#3f8fd6", "#5c9bd2", "#8faabb", "#d9a75c", "#ffb347"),
    states=_states(_DARK_HUES, ascii_only=False),
)  # fmt: skip
LIGHT = Palette(
    name="nagare-light", title="light", dark=False, background="#f7f8fa", surface="#ffffff", panel="#e9edf1",
    foreground="#1b232b", muted="#55616d", faint="#c3cbd3", accent="#0067a3", alarm_ground="#ffdf9e", past_ground="#dfe3ff",
    series=("#0067a3", "#8a5a00", "#00684b", "#96406f", "#6b6000", "#4a4fc4", "#a83e00", "#4b555f"),
    gradient=make_gradient("#0b4a80", "#2c5a85", "#57616d", "#8a5a1e", "#b45400"),
    states=_states(_LIGHT_HUES, ascii_only=False),
)  # fmt: skip
CONTRAST = Palette(
    name="nagare-contrast", title="high contrast", dark=True, background="#000000", surface="#000000", panel="#161616",
    foreground="#ffffff", muted="#c8d0d8", faint="#8a929a", accent="#6cc4ff", alarm_ground="#4d3800", past_ground="#141d52",
    series=("#6cc4ff", "#ffc233", "#3fd6a4", "#f0a3d0", "#f0e442", "#b4bcff", "#ff8a57", "#ffffff"),
    gradient=make_gradient("#5aacf5", "#7dbcf2", "#b3cddd", "#f0c580", "#ffd9a0"),
    states=_states(_CONTRAST_HUES, ascii_only=False),
)  # fmt: skip
SIXTEEN = Palette(
    name="nagare-16", title="16 colours", dark=True, background="#000000", surface="#000000", panel="#000000",
    foreground="#ffffff", muted="#aaaaaa", faint="#555555", accent="#55ffff", alarm_ground="#aa5500", past_ground="#0000aa",
    series=("#55ffff", "#ffff55", "#55ff55", "#ff55ff", "#ffffff", "#00aaaa", "#ff5555", "#00aa00"),
    gradient=("#00aaaa",) * 14 + ("#aaaaaa",) * 10 + ("#ffff55",) * 9,
    states=_states(_SIXTEEN_HUES, ascii_only=False),
)  # fmt: skip
PALETTES: Mapping[str, Palette] = MappingProxyType(
    {palette.name: palette for palette in (DARK, LIGHT, CONTRAST, SIXTEEN)}
)
_HUES = {DARK.name: _DARK_HUES, LIGHT.name: _LIGHT_HUES, CONTRAST.name: _CONTRAST_HUES, SIXTEEN.name: _SIXTEEN_HUES}


@lru_cache(maxsize=16)
def make_palette(name: str = DARK.name, *, ascii_only: bool = False, mono: bool = False) -> Palette:
    """Return the palette of a theme (of others' themes the dark or the light one), in ASCII or for a screen without colours."""
    base = PALETTES.get(name) or (LIGHT if "light" in name else DARK)
    glyphs = ASCII if ascii_only else UNICODE
    if base.glyphs is glyphs and not mono:
        return base
    states = _states(_grey_hues(base) if mono else _HUES[base.name], ascii_only=ascii_only)
    return replace(base, glyphs=glyphs, mono=mono, states=states)


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
