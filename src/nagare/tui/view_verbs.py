"""The actions on views of a list that a person keeps: save the filter and the order, choose one of those, forget one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from nagare.errors import NagareError
from nagare.tui.looks import kept_folder
from nagare.tui.screens.fields_form import FieldsForm
from nagare.tui.screens.page import Page
from nagare.tui.screens.pick import Choice, Pick
from nagare.tui.view_book import View, ViewBook, check_view_name
from nagare.tui.work import start_work

T = TypeVar("T")


class ViewVerbs(Page):
    """Mixed into pages with one list whose address says how it is filtered and sorted."""

    _view_book: ViewBook | None = None

    def do_view_save(self) -> None:
        """Keep the filter and the order under a name."""
        start_work(self, self._save_view, "choose")

    def do_view_open(self) -> None:
        """Choose a view that is kept."""
        start_work(self, self._open_view, "choose")

    @property
    def _views(self) -> ViewBook:
        if self._view_book is None:
            self._view_book = ViewBook(kept_folder(self.top.settings.top, is_web=self.top.is_web))
        return self._view_book

    async def _save_view(self) -> None:
        location = self.location
        form = FieldsForm(
            "Save view", [("name", "")], lambda texts: check_view_name(texts[0]), told=_told(View("", location))
        )
        typed = await self.app.push_screen_wait(form)
        if typed is None:
            return
        name = check_view_name(typed[0])
        if await self._keep(partial(self._views.save, name, location)):
            self.top.say(f"saved as {name}", "v lists it" if not self.top.is_web else "v lists it until you leave")

    async def _open_view(self) -> None:
        page = self.location.page
        while True:
            views = {view.name: view for view in await self._off_loop(partial(self._views.saved, page))}
            choices = [Choice(name, name, "", _told(view), can_go=True) for name, view in views.items()]
            nothing = "nothing matches" if choices else "no view is saved: V saves this filter and order"
            picked = await self.app.push_screen_wait(Pick("Views", choices, nothing=nothing, verb="shows it"))
            if picked is None:
                return
            if not picked.is_forgotten:
                break
            await self._keep(partial(self._views.forget, picked.id, page))
        await self.top.go(replace(views[picked.id].location, window=self.location.window))

    async def _keep(self, change: Callable[[], None]) -> bool:
        error = await self._off_loop(partial(_attempt, change))
        if error is not None:
            self.top.say(error.message, error.hint)
        return error is None

    async def _off_loop(self, work: Callable[[], T]) -> T:
        found: T = await self.run_worker(work, thread=True, group="off loop").wait()
        return found


def _attempt(change: Callable[[], None]) -> NagareError | None:
    # A thread hands its error over as a value: raised there it would end the app.
    try:
        change()
    except NagareError as error:
        return error
    return None


def _told(view: View) -> str:
    """Return in words what a view shows."""
    location = view.location
    column, _, direction = location.sort.partition(".")
    order = (
        f"sorted by {column}{', the greatest first' if direction == 'desc' else ''}" if column else "the usual order"
    )
    return f"{f'filter {location.filter}' if location.filter else 'no filter'} · {order}"
