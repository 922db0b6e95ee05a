"""Colours keep their promises: readable, ordered, and never the only sign."""

import itertools

import pytest

from nagare.model.command.states import CommandState
from nagare.tui.renderables.colour_math import GRADIENT_STEPS, contrast, luminance
from nagare.tui.renderables.palette import (
    CONTRAST,
    DARK,
    LIGHT,
    PALETTES,
    SIXTEEN,
    Palette,
    make_palette,
    make_style,
)
from tests.support.colour_sight import distance, without_green

EVERY = pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda palette: palette.name)
# WCAG 2.2, 1.4.3 (AA) and 1.4.6 (AAA) for text; 1.4.11 for what is no text.
_READABLE, _HIGH, _VISIBLE = 4.5, 7.0, 3.0


def _needed(palette: Palette) -> float:
    return _HIGH if palette is CONTRAST else _READABLE


def _text_colours(palette: Palette) -> dict[str, str]:
    """Return every colour that text is drawn in, by its role."""
    colours = {"foreground": palette.foreground, "muted": palette.muted, "accent": palette.accent}
    colours |= {f"state {name}": look.colour for name, look in palette.states.items()}
    return colours | {f"series {index}": colour for index, colour in enumerate(palette.series)}


def _poor(palette: Palette, colours: dict[str, str], *grounds: str) -> dict[str, float]:
    return {
        f"{name} on {ground}": round(contrast(colour, ground), 2)
        for ground in grounds
        for name, colour in colours.items()
        if contrast(colour, ground) < _needed(palette)
    }


@EVERY
def test_every_text_colour_is_readable_on_every_ground(palette: Palette) -> None:
    assert not _poor(palette, _text_colours(palette), palette.background, palette.surface, palette.panel)


@EVERY
def test_values_in_the_colours_of_the_gradient_are_readable(palette: Palette) -> None:
    colours = {f"step {step}": colour for step, colour in enumerate(palette.gradient)}
    assert not _poor(palette, colours, palette.background, palette.surface)


@EVERY
def test_what_stands_on_the_ground_of_an_alarm_and_of_the_past_is_readable(palette: Palette) -> None:
    assert not _poor(palette, {"foreground": palette.foreground}, palette.alarm_ground, palette.past_ground)
    assert not _poor(palette, {"muted": palette.muted, "accent": palette.accent}, palette.past_ground)
    assert palette.alarm_ground != palette.past_ground != palette.panel != palette.alarm_ground


@EVERY
def test_reversed_text_is_readable(palette: Palette) -> None:
    reversed_on = {"foreground": palette.foreground, "warn": palette.state("warn").colour, "muted": palette.muted}
    assert not _poor(palette, dict.fromkeys(("text",), palette.background), *reversed_on.values())


@pytest.mark.parametrize("palette", [CONTRAST], ids=lambda palette: palette.name)
def test_frames_are_seen_in_high_contrast(palette: Palette) -> None:
    assert contrast(palette.faint, palette.background) >= _VISIBLE


def test_the_theme_of_sixteen_colours_has_no_other() -> None:
    usual = {f"#{red}{green}{blue}" for red in ("00", "aa") for green in ("00", "aa") for blue in ("00", "aa")}
    usual |= {f"#{red}{green}{blue}" for red in ("55", "ff") for green in ("55", "ff") for blue in ("55", "ff")}
    # The dark yellow of old screens is a brown.
    usual = usual - {"#aaaa00"} | {"#aa5500"}
    others = {SIXTEEN.background, SIXTEEN.panel, SIXTEEN.faint, SIXTEEN.alarm_ground, SIXTEEN.past_ground}
    assert {*_text_colours(SIXTEEN).values(), *SIXTEEN.gradient, *others} <= usual


@EVERY
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
@EVERY
def test_states_differ_by_glyph_and_word(palette: Palette, ascii_only: bool) -> None:
    states = make_palette(palette.name, ascii_only=ascii_only).states
    alone = {"up", "warn", "crit", "ack", "stale", "down", "unknown", "info", "slow", "on", "off", "fault"}
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


@EVERY
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


# Hues that nobody can tell apart without green cones, or which are one: there the glyph and the word do it alone.
_TOLD_BY_GLYPH = {
    DARK.name: {("ack", "down"), ("ack", "stale"), ("down", "stale")},
    LIGHT.name: {("ack", "down"), ("ack", "stale"), ("down", "stale"), ("high", "warn")},
    CONTRAST.name: {("ack", "down"), ("ack", "stale"), ("down", "stale")},
    SIXTEEN.name: {("crit", "high"), ("down", "stale")},
}
# One state of each hue.
_HUES = ("ack", "crit", "down", "high", "info", "stale", "up", "warn")
_AT_A_GLANCE = 10.0


@EVERY
def test_states_stay_apart_for_eyes_without_green(palette: Palette) -> None:
    seen = {name: without_green(palette.state(name).colour) for name in _HUES}
    near = {pair for pair in itertools.combinations(_HUES, 2) if distance(seen[pair[0]], seen[pair[1]]) < _AT_A_GLANCE}
    assert near == _TOLD_BY_GLYPH[palette.name]
    for one, other in near:
        for look in (palette, make_palette(palette.name, ascii_only=True), make_palette(palette.name, mono=True)):
            assert look.state(one).glyph != look.state(other).glyph
            assert look.state(one).word != look.state(other).word


def test_distances_are_those_of_the_books() -> None:
    assert distance("#ffffff", "#000000") == pytest.approx(100, abs=0.1)
    # sRGB red and green, after Lindbloom's calculator: 53.24 80.09 67.20 and 87.73 -86.18 83.18.
    assert distance("#ff0000", "#00ff00") == pytest.approx(170.6, abs=0.5)
    assert without_green("#808080") == "#808080"
