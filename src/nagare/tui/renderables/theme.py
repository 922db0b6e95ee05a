"""The textual themes made of our palettes, and the palette that a widget should draw with."""

from __future__ import annotations

from textual.dom import DOMNode
from textual.theme import Theme

from nagare.tui.renderables.palette import PALETTES, Palette, make_palette


def make_theme(palette: Palette) -> Theme:
    """Return a textual theme of ``palette``; never an ANSI theme: those lose every colour under NO_COLOR."""
    return Theme(
        name=palette.name,
        primary=palette.accent,
        secondary=palette.series[2],
        warning=palette.state("warn").colour,
        error=palette.state("crit").colour,
        success=palette.state("up").colour,
        accent=palette.series[1],
        foreground=palette.foreground,
        background=palette.background,
        surface=palette.surface,
        panel=palette.panel,
        dark=palette.dark,
        variables={
            "border": palette.faint,
            "border-blurred": palette.faint,
            "text-muted": palette.muted,
            "footer-key-foreground": palette.accent,
            "footer-description-foreground": palette.muted,
            "footer-background": palette.panel,
            "text-disabled": palette.muted,
            # What is chosen in a list has colours of its own, which are readable on this ground; the line is seen in every theme.
            "block-cursor-foreground": palette.foreground,
            "block-cursor-background": palette.panel,
            "block-cursor-text-style": "bold underline",
            "block-cursor-blurred-foreground": palette.foreground,
            "block-cursor-blurred-background": palette.panel,
            "block-cursor-blurred-text-style": "underline",
            "input-selection-background": f"{palette.accent} 35%",
            "scrollbar": palette.faint,
            "scrollbar-hover": palette.muted,
            "scrollbar-active": palette.accent,
            "scrollbar-background": palette.background,
            "scrollbar-background-hover": palette.background,
            "scrollbar-background-active": palette.background,
            "scrollbar-corner-color": palette.background,
            "nagare-faint": palette.faint,
            "nagare-muted": palette.muted,
            "nagare-alarm": palette.alarm_ground,
            "nagare-past": palette.past_ground,
        },
    )


def all_themes(*, mono: bool = False) -> tuple[Theme, ...]:
    """Return our themes in the order of the palettes, for a screen without colours with ``mono``."""
    return tuple(make_theme(make_palette(name, mono=mono)) for name in PALETTES)


def find_palette(node: DOMNode) -> Palette:
    """Return the palette of a mounted node: by the app's theme, ASCII when the app says ``use_ascii``, NO_COLOR."""
    app = node.app
    return make_palette(app.theme, ascii_only=bool(getattr(app, "use_ascii", False)), mono=app.no_color)
