"""The two textual themes made of our palettes, and the palette that a widget should draw with."""

from __future__ import annotations

from textual.dom import DOMNode
from textual.theme import Theme

from nagare.tui.renderables.palette import DARK, LIGHT, Palette, blend, make_palette


def _make_theme(palette: Palette) -> Theme:
    """Make a textual theme of ``palette``; never an ANSI theme: those lose every colour under NO_COLOR."""
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
            "block-cursor-foreground": palette.background,
            "block-cursor-background": palette.foreground,
            "block-cursor-text-style": "bold",
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
            "nagare-amber": blend(palette.background, palette.state("warn").colour, 0.35),
        },
    )


def nagare_dark() -> Theme:
    """Return the dark theme, ``nagare-dark``."""
    return _make_theme(DARK)


def nagare_light() -> Theme:
    """Return the light theme, ``nagare-light``."""
    return _make_theme(LIGHT)


def find_palette(node: DOMNode) -> Palette:
    """Return the palette of a mounted node: by the app's theme, ASCII when the app says ``use_ascii``, NO_COLOR."""
    app = node.app
    name = "nagare-dark" if app.current_theme.dark else "nagare-light"
    return make_palette(name, ascii_only=bool(getattr(app, "use_ascii", False)), mono=app.no_color)
