"""Colours keep their promises: readable, ordered, and never the only sign."""

import pytest

from nagare.model.command.states import CommandState
from nagare.tui.renderables.palette import (
    DARK,
    GRADIENT_STEPS,
    LIGHT,
    Palette,
    contrast,
    luminance,
    make_palette,
    make_style,
)

PALETTES = pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
READABLE = 4.5


@PALETTES
def test_text_colours_are_readable_on_background_and_surface(palette: Palette) -> None:
    colours = {"foreground": palette.foreground, "muted": palette.muted, "accent": palette.accent}
    colours |= {f"state {name}": look.colour for name, look in palette.states.items()}
    colours |= {f"series {index}": colour for index, colour in enumerate(palette.series)}
    colours |= {f"gradient {step}": colour for step, colour in enumerate(palette.gradient)}
    poor = {
        name: round(contrast(colour, ground), 2)
        for ground in (palette.background, palette.surface)
        for name, colour in colours.items()
        if contrast(colour, ground) < READABLE
    }
    assert not poor


@PALETTES
def test_reversed_rows_and_panels_are_readable(palette: Palette) -> None:
    assert contrast(palette.foreground, palette.panel) >= READABLE
    assert contrast(palette.background, palette.foreground) >= READABLE
    assert contrast(palette.background, palette.state("warn").colour) >= READABLE


@PALETTES
def test_the_gradient_rises_in_luminance_from_blue_to_orange(palette: Palette) -> None:
    steps = [luminance(colour) for colour in palette.gradient]
    assert steps == sorted(steps)
    assert steps[-1] > steps[0] * 1.5
    assert int(palette.gradient[0][5:], 16) > int(palette.gradient[0][1:3], 16)
    assert int(palette.gradient[-1][1:3], 16) > int(palette.gradient[-1][5:], 16)


_ALERT_STATES = ("high", "firing", "again", "resolved", "closed")
# Of notifications, incidents and heartbeats, where no other word says it.
_TOLD_STATES = ("dead", "waiting", "dropped", "open", "missing", "late", "ok")


@pytest.mark.parametrize("ascii_only", [False, True])
@PALETTES
def test_states_differ_by_glyph_and_word(palette: Palette, ascii_only: bool) -> None:
    states = make_palette(palette.name, ascii_only=ascii_only).states
    alone = {"up", "warn", "crit", "ack", "stale", "down", "unknown", "info", "on", "off", "fault"}
    assert set(states) == {*alone, *CommandState, *_ALERT_STATES, *_TOLD_STATES}
    assert len({look.glyph for look in states.values()}) == len(states)
    assert len({look.word for look in states.values()}) == len(states)
    assert states["crit"].bold
    if ascii_only:
        assert all(look.glyph.isascii() for look in states.values())


def test_an_ascii_palette_draws_nothing_else() -> None:
    glyphs = make_palette(ascii_only=True).glyphs
    for name in glyphs.__slots__:
        assert "".join(getattr(glyphs, name)).isascii(), name


def test_without_colour_the_worst_states_are_as_bright_as_text_and_areas_differ_by_shade() -> None:
    mono = make_palette(mono=True)
    assert mono.state("crit").colour == mono.foreground
    assert mono.state("crit").glyph == "✖"
    assert len({mono.area_glyph(index) for index in range(4)}) == 4
    assert make_palette().area_glyph(0) == make_palette().area_glyph(1)


@pytest.mark.parametrize(
    ("text", "drawn"), [("–", "-"), ("12µs", "12us"), ("größe", "gr??e"), ("plain", "plain"), ("51°C", "51C")]
)
def test_ascii_likenesses(text: str, drawn: str) -> None:
    assert make_palette(ascii_only=True).text(text) == drawn
    assert make_palette().text(text) == text


@PALETTES
def test_lines_differ_by_colour_and_by_marker(palette: Palette) -> None:
    looks = {(palette.series_colour(index), palette.series_glyph(index)) for index in range(24)}
    assert len(looks) == 24
    assert len({palette.series_glyph(index) for index in range(8)}) == 8


@pytest.mark.parametrize(("ratio", "step"), [(float("nan"), 0), (-3, 0), (0, 0), (1, -1), (7, -1), (float("inf"), -1)])
def test_ratio_colours_outside_the_scale_take_the_nearer_end(ratio: float, step: int) -> None:
    assert DARK.ratio_colour(ratio) == DARK.gradient[step]


def test_the_middle_of_the_gradient_is_the_middle_ratio() -> None:
    assert DARK.ratio_colour(0.5) == DARK.gradient[GRADIENT_STEPS // 2]


def test_unknown_states_and_themes_fall_back() -> None:
    assert DARK.state("exploded") is DARK.states["unknown"]
    assert make_palette("textual-dark") is DARK
    assert make_palette("solarized-light") is LIGHT


def test_styles_are_shared_and_leave_unset_what_is_not_asked() -> None:
    assert make_style("#56b4e9") is make_style("#56b4e9")
    assert make_style("#56b4e9").bold is None
    assert make_style("#56b4e9", reverse=True).reverse


@pytest.mark.parametrize(("one", "other", "ratio"), [("#ffffff", "#000000", 21.0), ("#777777", "#777777", 1.0)])
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)


# Machado, Oliveira and Fernandes (2009), deuteranopia, on linear light.
_DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))


def _seen_without_green(colour: str) -> tuple[float, ...]:
    encoded = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in encoded]
    mixed = [sum(share * c for share, c in zip(row, linear, strict=True)) for row in _DEUTERANOPIA]
    return tuple(max(0.0, c) ** (1 / 2.2) for c in mixed)


@pytest.mark.parametrize(("one", "other"), [("up", "warn"), ("up", "crit"), ("warn", "crit"), ("up", "down")])
@PALETTES
def test_states_stay_apart_for_eyes_without_green(palette: Palette, one: str, other: str) -> None:
    seen = [_seen_without_green(palette.state(name).colour) for name in (one, other)]
    assert sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5 > 0.1
