"""Tasks: the heavy work that workers do, how far each has come, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from nagare.client.jobs.plans import PlanRow
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.lib.rfc3339 import format_ms
from nagare.tui.automation.rows import TASK_COLUMNS, as_text, is_open, task_row
from nagare.tui.keymap import bindings_for
from nagare.tui.location import format_span
from nagare.tui.screens.polled_page import PolledPage
from nagare.tui.screens.row_detail import RowDetail
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.wire.tasks import TaskView

_MOST_TASKS = 500


class TasksPage(PolledPage):
    """The list of tasks."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "tasks")
    BINDINGS = bindings_for(contexts)
    columns = TASK_COLUMNS

    async def fetch_items(self) -> dict[str, Any]:
        """Return the tasks of the shown time."""
        start_ms, end_ms = self.window.bounds_ms(self.top.clock.now_ms())
        found = await self.top.source.tasks().tasks(_MOST_TASKS, since_ms=str(start_ms))
        # Times of one form are in the order of their texts.
        last = "" if self.window.is_live else format_ms(end_ms)
        return {task.id: task for task in found if not last or task.made_at <= last}

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of a task."""
        return task_row(item, now_ms), {"reason": item.reason}

    def moves(self, item: Any) -> bool:
        """Tell whether a task is still open."""
        return is_open(item)

    def nothing(self) -> str:
        """Say for which time there is no task."""
        return f"no task in the {format_span(self.window.span_seconds)} shown; t looks further back"

    def can(self, action: str) -> bool:
        """End what has not ended."""
        if action == "task.cancel":
            task = self.item_at_cursor()
            return task is not None and is_open(task)
        return super().can(action)

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Show the whole task."""
        task = self._items.get(message.key)
        if task is not None and isinstance(message.table, LiveTable):
            further = [("result", as_text(task.result)), ("download", plain(task.download))]
            self.app.push_screen(RowDetail(message.table, message.key, [pair for pair in further if pair[1]]))

    def do_task_cancel(self) -> None:
        """End the task under the cursor."""
        task = self.item_at_cursor()
        if task is not None:
            start_work(self, partial(self._cancel, task), "decide", exclusive=False)

    async def _cancel(self, task: TaskView) -> None:
        from nagare.tui.screens.agreement import Agreement, Question  # noqa: PLC0415  loaded when shown

        rows = (
            PlanRow("task", (f"{plain(task.kind)} {plain(task.id)}",)), PlanRow("owner", (plain(task.owner),)),
            PlanRow("with", (as_text(task.arguments) or "no arguments",), is_prose=True),
            PlanRow("stands", (plain(f"{task.state} {task.progress_text}"),)),
        )  # fmt: skip
        warning = "what it did so far stays as it is"
        question = Question("End this task", rows, "end it", plain(task.kind), warning=warning)
        if await self.app.push_screen_wait(Agreement(question)) is None:
            return
        try:
            self.take_item(task.id, await self.top.source.tasks().cancel(task.id))
            self.top.say(f"asked to end: {plain(task.kind)} {plain(task.id)[:8]}")
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))
