"""What the dashboard wears: one of our themes, by the settings, else the one that was chosen last, else what the terminal can show.

The choice is kept in a small file beside a person's queries. Reading and writing it blocks, so that it belongs before the app runs or
on a thread.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.terminal_theme import TerminalTheme
from textual.app import App
from textual.filter import LineFilter

from nagare.config.files import top_folder
from nagare.config.terminal import AUTO_THEME, TopSettings
from nagare.tui.kept_file import write_kept
from nagare.tui.renderables.palette import DARK, PALETTES, SIXTEEN
from nagare.tui.renderables.sixteen import SIXTEEN_TERMINAL, SixteenColours
from nagare.tui.renderables.theme import all_themes

NAME = "looks.json"
_FILE_LIMIT_BYTES = 4096
_SIXTEEN_FILTER = SixteenColours()


class DressedApp(App[int]):
    """An app that has our themes and no others' colours."""

    _ansi_theme: tuple[str, TerminalTheme | None] = ("", None)

    def dress(self, name: str) -> None:
        """Wear the theme ``name``, the dark one for ``auto``. Without colours (NO_COLOR) sixteen of them are no help."""
        for theme in all_themes(mono=self.no_color):
            self.register_theme(theme)
        self.theme = DARK.name if name == AUTO_THEME or (name == SIXTEEN.name and self.no_color) else name

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the library's, and ours for the theme of sixteen colours."""
        found = super().get_line_filters()
        return [*found, _SIXTEEN_FILTER] if self.theme == SIXTEEN.name else found

    @property
    def ansi_theme(self) -> TerminalTheme:
        """The amounts of light that stand for a terminal's own colours."""
        # The library asks for every line that is drawn, and looks through all its themes each time.
        theme, found = self._ansi_theme
        if found is None or theme != self.theme:
            found = SIXTEEN_TERMINAL if self.theme == SIXTEEN.name else super().ansi_theme
            self._ansi_theme = (self.theme, found)
        return found


def kept_folder(settings: TopSettings, *, is_web: bool) -> Path | None:
    """Return where a person's things are kept, None where there is no such place."""
    # A page's program has no folder of its own, and those of the server are nobody's who looks.
    return None if is_web else settings.state or top_folder()


def first_theme(settings: TopSettings, colours: str | None) -> str:
    """Return the theme to begin with on a terminal of ``colours`` (as the library names them). Reads a file."""
    if settings.theme != AUTO_THEME:
        return settings.theme
    return kept_theme(kept_folder(settings, is_web=False)) or (SIXTEEN.name if colours == "standard" else DARK.name)


def kept_theme(folder: Path | None) -> str:
    """Return the theme that is kept in ``folder``; empty when there is none, or none that this version has."""
    if folder is None:
        return ""
    try:
        with (folder / NAME).open("rb") as file:
            document: Any = json.loads(file.read(_FILE_LIMIT_BYTES))
    except (OSError, ValueError, RecursionError):
        return ""
    name = document.get("theme") if isinstance(document, dict) else None
    return name if isinstance(name, str) and name in PALETTES else ""


def keep_theme(folder: Path, name: str) -> None:
    """Keep ``name`` as the theme to begin with. Raises ReadOnlyError."""
    write_kept(folder / NAME, json.dumps({"theme": name}).encode() + b"\n")
