"""An answer taken away: its rows as CSV, all of it as Parquet by the server, its chart as SVG; into the working directory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App

from nagare.errors import NagareError, NotFoundError, ReadOnlyError
from nagare.lib.atomic_file import open_atomic
from nagare.lib.plain_text import plain
from nagare.lib.units import format_bytes
from nagare.tui.export import file_name, keep, new_path, rows_csv
from nagare.tui.query.answer import NULL, Answer, value_text
from nagare.tui.query.chart_svg import chart_svg
from nagare.tui.query.charting import draw_answer, why_no_chart
from nagare.tui.query_verbs import QueryVerbs
from nagare.tui.renderables.time_axis import TimeWindow, local_time
from nagare.tui.screens.pick import Choice, Pick
from nagare.tui.work import start_work
from nagare.wire.tasks import TaskLine

if TYPE_CHECKING:
    from nagare.wire.tasks import TaskView

_COPY_TITLE, _COPY_PREVIEW = 80, 2000


class QueryExport(QueryVerbs):
    """Mixed into the page with the field."""

    def wanted_places(self) -> list[int]:
        """Return which rows of the answer are meant: the marked ones, else all that are shown, in their order."""
        raise NotImplementedError

    def row_at_cursor(self) -> int | None:
        """Return the row of the answer under the cursor."""
        raise NotImplementedError

    def shown_window(self) -> TimeWindow | None:
        """Return the window of the chart that is shown, None while none is."""
        raise NotImplementedError

    # Files

    async def do_export(self) -> None:
        """Choose in which form the answer is written to a file."""
        if self._answer is None:
            self.top.say("there is no answer to write")
            return
        start_work(self, partial(self._export, self._answer), "export", exclusive=False)

    async def _export(self, answer: Answer) -> None:
        count = len(self.wanted_places())
        caller = self.model.caller
        may_write = caller is None or "tasks.write" in caller.permissions
        choices = [
            Choice("csv", f"CSV: the {count} rows that are shown or marked", "every digit"),
        ]
        if not self.top.is_web:
            # A page is given text.
            made = "made by the server" if may_write else "takes tasks.write"
            choices.append(Choice("parquet", "Parquet: all rows, asked anew", made))
        if not why_no_chart(answer):
            choices.insert(
                0 if self.shown_window() is not None else len(choices),
                Choice("svg", "SVG: the chart", "opens in any browser"),
            )
        picked = await self.app.push_screen_wait(Pick("Write to a file here", choices, verb="writes it"))
        if picked is None:
            return
        name = file_name("query", local_time(self.top.clock.now_ms(), self.top.zone), picked.id)
        try:
            match picked.id:
                case "csv":
                    said = await self._off_loop(
                        _attempted, partial(_write_csv, self.top, name, answer, self.wanted_places())
                    )
                case "svg":
                    said = await self._off_loop(_attempted, partial(self._write_svg, name, answer, self.shown_window()))
                case _:
                    said = await self._write_parquet(name, answer)
        except NagareError as error:
            said = _words(error)
        self.top.say(said)

    def _write_svg(self, name: str, answer: Answer, window: TimeWindow | None) -> str:
        drawing = draw_answer(answer)
        text = chart_svg(drawing, window or drawing.window, self.top.palette, self.top.zone)
        return f"wrote the chart to {keep(self.top, name, text)}"

    async def _write_parquet(self, name: str, answer: Answer) -> str:
        asked, tasks = answer.asked, self.top.source.tasks()
        arguments = {"sql": asked.sql, "format": "parquet", "since_ms": asked.since_ms, "until_ms": asked.until_ms}
        if asked.params:
            arguments["params"] = dict(asked.params)
        task = await tasks.submit("query", arguments)
        self.top.say("the server writes it: task", task.id[:8])
        async with aclosing(tasks.follow(task.id)) as events:
            async for event in events:
                if isinstance(event, TaskLine):
                    task = event.task
        if task.state != "done":
            raise NotFoundError(f"cannot write Parquet: {_why(task)}")
        path = new_path(Path.cwd(), name)
        try:
            with open_atomic(path, mode=0o644, durable=False) as file:
                size = await tasks.download(task.id, file.write)
        except OSError as error:
            cause = (error.strerror or "unwritable").lower()
            raise ReadOnlyError(
                f"cannot write {path}: {cause}", hint="start nagare top in a folder of yours"
            ) from error
        rows = (task.result or {}).get("rows", "all")
        return f"wrote {rows} rows ({format_bytes(size)}) to {path.name}"

    # The clipboard

    def do_copy(self) -> None:
        """Copy a cell of the row under the cursor; elsewhere the address."""
        row = self.row_at_cursor()
        answer = self._answer
        if row is None or answer is None:
            self.top.copy_text(self.value_to_copy() or self.top.address)
        elif len(answer.names) == 1:
            self.top.copy_text(_text(answer.rows[row][0]))
        else:
            start_work(self, partial(self._copy_cell, answer, row), "copy")

    async def _copy_cell(self, answer: Answer, row: int) -> None:
        cells = answer.rows[row]
        choices = [
            Choice(str(place), f"{plain(name, 28):<28}  {_text(cells[place])[:_COPY_TITLE] if cells[place] is not None else NULL}", answer.types[place].lower(),
                   _text(cells[place])[:_COPY_PREVIEW])
            for place, name in enumerate(answer.names)
        ]  # fmt: skip
        picked = await self.app.push_screen_wait(Pick("Copy a cell", choices, verb="copies it"))
        if picked is not None:
            self.top.copy_text(_text(cells[int(picked.id)]))


def _text(value: object) -> str:
    return "" if value is None else value_text(value)


def _why(task: TaskView) -> str:
    return plain(task.text or task.reason or task.state)


def _write_csv(app: App[Any], name: str, answer: Answer, places: list[int]) -> str:
    text = rows_csv(answer.names, (answer.rows[place] for place in places), is_exact=True)
    return f"wrote {len(places)} rows to {keep(app, name, text)}"


def _attempted(write: Callable[[], str]) -> str:
    # Runs in a thread: it may only pass the outcome on.
    try:
        return write()
    except NagareError as error:
        return _words(error)


def _words(error: NagareError) -> str:
    return f"{plain(error.message)} · {plain(error.hint)}" if error.hint else plain(error.message)
