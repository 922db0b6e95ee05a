"""The actions that change what the dashboard wears; what was chosen is worn again the next time."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nagare.config.terminal import AUTO_THEME
from nagare.errors import ReadOnlyError
from nagare.tui.looks import keep_theme, kept_folder
from nagare.tui.renderables.palette import CONTRAST, DARK, LIGHT, PALETTES, SIXTEEN, Palette
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.app import TopApp


class ThemeVerbs:
    """Methods named ``do_theme_...``, of one app."""

    _app: TopApp

    def do_theme_toggle(self) -> None:
        """Wear the next of our themes."""
        names = list(PALETTES)
        at = names.index(self._app.theme) if self._app.theme in names else -1
        following = PALETTES[names[(at + 1) % len(names)]]
        # Without colours the theme of sixteen is the dark one, which would be no change.
        self._wear(DARK if following is SIXTEEN and self._app.no_color else following)

    def do_theme_dark(self) -> None:
        """Wear the dark theme."""
        self._wear(DARK)

    def do_theme_light(self) -> None:
        """Wear the light theme."""
        self._wear(LIGHT)

    def do_theme_contrast(self) -> None:
        """Wear the theme of high contrast."""
        self._wear(CONTRAST)

    def do_theme_sixteen(self) -> None:
        """Wear the theme of sixteen colours."""
        self._wear(SIXTEEN)

    def _wear(self, palette: Palette) -> None:
        app = self._app
        app.dress(palette.name)
        app.page.redraw()
        app.refresh_frame()
        start_work(app, partial(self._keep, palette), "theme")

    async def _keep(self, palette: Palette) -> None:
        app = self._app
        folder = kept_folder(app.settings.top, is_web=app.is_web)
        if folder is None or app.settings.top.theme != AUTO_THEME:
            app.say(
                f"theme: {palette.title}", "until you leave" if folder is None else "the next time top.theme decides"
            )
            return
        keeping = app.run_worker(partial(_kept, folder, palette.name), thread=True, group="off loop")
        app.say(f"theme: {palette.title}", await keeping.wait())


def _kept(folder: Path, name: str) -> str:
    """Keep the choice, on a thread; return what to say of it."""
    try:
        keep_theme(folder, name)
    except ReadOnlyError as error:
        return error.message
    return "kept for the next time"
