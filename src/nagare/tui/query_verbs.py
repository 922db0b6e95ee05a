"""What a person does with a query: run it, end it, choose one of before, keep it, take its answer away.

What needs a dialog or the server runs as a worker of the page. The page draws; it is told by the hooks below.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.lib.units import format_seconds
from nagare.tui.location import Location, format_window, parse_window
from nagare.tui.looks import kept_folder
from nagare.tui.query.answer import ROWS_LIMIT, Answer, Asked, read_answer
from nagare.tui.query.book import Kept, QueryBook, check_name
from nagare.tui.query.faults import Fault, fault_of
from nagare.tui.query.parameters import value_of
from nagare.tui.query.recipes import RECIPES
from nagare.tui.query.sql_text import LENGTH_LIMIT, has_statement, parameters, pieces
from nagare.tui.renderables.time_axis import format_moment
from nagare.tui.screens.fields_form import FieldsForm
from nagare.tui.screens.page import Page
from nagare.tui.screens.pick import Choice, Pick, Picked
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.widgets.sql_editor import SqlEditor

T = TypeVar("T")
_TITLE_LIMIT = 90


class QueryVerbs(Page):
    """Mixed into the page with the field."""

    def __init__(self, location: Location) -> None:
        """Begin with nothing asked."""
        super().__init__(location)
        self._answer: Answer | None = None
        self._fault: Fault | None = None
        self._open_question: Asked | None = None
        self._began = 0.0
        self._said = ""
        # Whether the keys go to the answer once it is there: to who chose a statement, not to who types one.
        self.is_answer_wanted = False
        # What was typed for parameters last, by name.
        self._values: dict[str, str] = {}
        self._book: QueryBook | None = None

    @property
    def editor(self) -> SqlEditor:
        """The field."""
        raise NotImplementedError

    @property
    def book(self) -> QueryBook:
        """What the person keeps."""
        if self._book is None:
            self._book = QueryBook(kept_folder(self.top.settings.top, is_web=self.top.is_web))
        return self._book

    def begun(self) -> None:
        """A query runs from here on."""
        raise NotImplementedError

    async def answered(self, answer: Answer) -> None:
        """Show an answer."""
        raise NotImplementedError

    def failed(self, sql: str, fault: Fault) -> None:
        """Show why there is none."""
        raise NotImplementedError

    def ended(self, said: str) -> None:
        """Say how a query ended that has no answer."""
        raise NotImplementedError

    @property
    def elapsed_seconds(self) -> float:
        """How long what runs has taken so far."""
        return self.top.clock.monotonic() - self._began

    async def recall(self) -> None:
        """Put what stood in the field the last time into it, unless something is there by now."""
        draft = await self._off_loop(self.book.draft)
        if draft and not self.editor.text and not self.location.sql:
            self.editor.put(draft)

    def remember(self, sql: str) -> None:
        """Keep what stands in the field: whoever leaves in the middle of a statement finds it again."""
        with suppress(NagareError):
            self.book.keep_draft(sql)

    # Running

    def do_query_run(self) -> None:
        """Ask what stands in the field."""
        self.editor.close_list()
        sql = self.editor.statement
        if len(sql) > LENGTH_LIMIT:
            self.top.say(f"the statement has {len(sql)} letters", f"the server takes {LENGTH_LIMIT}")
        elif not has_statement(pieces(sql)):
            self.top.say("there is nothing to ask", "write a SELECT, or choose a recipe: F2")
        else:
            self.ask(sql)

    def ask(self, sql: str) -> None:
        """Ask ``sql``; what runs by now is ended for it."""
        start_work(self, partial(self._ask, sql), "query")

    def do_query_complete(self) -> None:
        """Offer what may stand at the cursor."""
        self.editor.offer_here()

    def do_query_cancel(self) -> None:
        """End what runs: the request is dropped, and the server stops with it."""
        if self._open_question is not None:
            self.workers.cancel_group(self, "query")

    async def _ask(self, sql: str) -> None:
        params = await self._parameters(parameters(sql))
        if params is None:
            return
        since_ms, until_ms = self.window.bounds_ms(self.top.clock.now_ms())
        asked = Asked(sql, self.window, since_ms, None if self.window.is_live else until_ms, params)
        self._open_question, self._began = asked, self.top.clock.monotonic()
        self.set_location(sql=sql)
        self.begun()
        try:
            answer = await self._answer_to(asked)
        except NagareError as error:
            self._open_question = None
            await self._off_loop(self._note, asked, None)
            self.failed(sql, fault_of(sql, error))
        except asyncio.CancelledError:
            if self._open_question is asked:
                self._open_question = None
                self.ended(f"ended after {format_seconds(self.elapsed_seconds)}, at the server too")
            raise
        else:
            self._open_question = None
            await self._off_loop(self._note, asked, len(answer.rows))
            await self.answered(answer)

    async def _answer_to(self, asked: Asked) -> Answer:
        reply = await self.top.source.queries().sql(
            asked.sql, asked.params or None, ROWS_LIMIT, since_ms=asked.since_ms, until_ms=asked.until_ms
        )
        clock, zone, palette = self.top.clock, self.top.zone, self.top.palette
        return await self._off_loop(read_answer, reply, asked, clock.now_ms(), zone, palette)

    async def _off_loop(self, work: Callable[..., T], *arguments: Any) -> T:
        found: T = await self.run_worker(partial(work, *arguments), thread=True, group="off loop").wait()
        return found

    def _note(self, asked: Asked, rows: int | None) -> None:
        # Runs in a thread. Who cannot keep a history still has the answer, and is told once they save something.
        with suppress(NagareError):
            self.book.note(asked, self.top.clock.now_ms(), rows)

    async def _parameters(self, names: Sequence[str]) -> Mapping[str, Any] | None:
        """Return the values of the parameters, asked for; None when the person left."""
        if not names:
            return {}
        fields = [(f"${name}", self._values.get(name, "")) for name in names]
        told = "5, 0.9, true and null are what they look like; quotes make a number text"
        form = FieldsForm("Parameters", fields, lambda texts: list(map(value_of, texts)), told=told)
        typed = await self.app.push_screen_wait(form)
        if typed is None:
            return None
        self._values.update(zip(names, typed, strict=True))
        return {name: value_of(text) for name, text in zip(names, typed, strict=True)}

    # What is kept

    def do_query_open(self) -> None:
        """Choose a saved query, or a recipe."""
        start_work(self, self._open, "choose")

    def do_query_history(self) -> None:
        """Choose what was asked before."""
        start_work(self, self._look_back, "choose")

    def do_query_save(self) -> None:
        """Keep what stands in the field under a name."""
        if has_statement(pieces(self.editor.statement)):
            start_work(self, self._save, "choose")
        else:
            self.top.say("there is nothing to save", "write a SELECT first")

    async def _open(self) -> None:
        while True:
            saved = await self._off_loop(self.book.saved)
            offered = {f"saved {kept.name}": kept for kept in saved}
            offered |= {
                f"recipe {place}": Kept(one.sql, one.window, name=one.title) for place, one in enumerate(RECIPES)
            }
            choices = [
                Choice(id_, kept.name, f"{'saved' if id_.startswith('saved') else 'recipe'} {kept.window}", kept.sql,
                       can_go=id_.startswith("saved"))
                for id_, kept in offered.items()
            ]  # fmt: skip
            picked = await self.app.push_screen_wait(Pick("Saved queries and recipes", choices, verb="runs it"))
            if picked is None or not picked.is_forgotten:
                break
            await self._kept(partial(self.book.forget, offered[picked.id].name))
        self._take(picked, offered)

    async def _look_back(self) -> None:
        now_ms, zone = self.top.clock.now_ms(), self.top.zone
        offered = {str(place): kept for place, kept in enumerate(await self._off_loop(self.book.history))}
        choices = [
            Choice(id_, " ".join(plain(kept.sql).split())[:_TITLE_LIMIT], _told(kept, format_moment(kept.at_ms, now_ms, zone)), kept.sql)
            for id_, kept in offered.items()
        ]  # fmt: skip
        nothing = "nothing matches" if choices else "nothing was asked here yet"
        picked = await self.app.push_screen_wait(Pick("History", choices, nothing=nothing, verb="runs it"))
        self._take(picked, offered)

    def _take(self, picked: Picked | None, offered: Mapping[str, Kept]) -> None:
        if picked is None:
            return
        kept = offered[picked.id]
        self.editor.put(kept.sql)
        self.is_answer_wanted = True
        self.set_location(window=parse_window(kept.window))
        self.do_query_run()

    async def _save(self) -> None:
        sql, window = self.editor.statement, format_window(self.window)
        typed = await self.app.push_screen_wait(FieldsForm("Save", [("name", "")], lambda texts: check_name(texts[0])))
        if typed is not None:
            name = check_name(typed[0])
            now_ms = self.top.clock.now_ms()
            if await self._kept(partial(self.book.save, name, sql, window, now_ms)):
                self.top.say(f"saved as {name}", "F2 lists it")

    async def _kept(self, change: Callable[[], None]) -> bool:
        error = await self._off_loop(_attempt, change)
        if error is not None:
            self.top.say(error.message, error.hint)
        return error is None

    # The time

    def window_changed(self) -> None:
        """Ask over the other time."""
        if self._answer is not None or self._fault is not None:
            self.ask((self._answer.asked.sql if self._answer is not None else "") or self.editor.statement)
        else:
            self.redraw()


def _attempt(change: Callable[[], None]) -> NagareError | None:
    # A thread hands its error over as a value: raised there it would end the app.
    try:
        change()
    except NagareError as error:
        return error
    return None


def _told(kept: Kept, when: str) -> str:
    if kept.rows is None:
        return f"no answer  {when}"
    return f"{kept.rows} {'row' if kept.rows == 1 else 'rows'}  {when}"
