"""Schedules: what will run by itself, when next, and what became of the last time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from nagare.client.jobs.plans import PlanRow
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.tui.automation.rows import SCHEDULE_COLUMNS, as_text, schedule_row
from nagare.tui.keymap import bindings_for
from nagare.tui.screens.polled_page import PolledPage
from nagare.tui.screens.row_detail import RowDetail
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.screens.agreement import Question
    from nagare.wire.tasks import ScheduleView

_NEXT_SHOWN = 3


class SchedulesPage(PolledPage):
    """The list of schedules."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "schedules")
    BINDINGS = bindings_for(contexts)
    columns = SCHEDULE_COLUMNS

    async def fetch_items(self) -> dict[str, Any]:
        """Return every schedule."""
        return {schedule.name: schedule for schedule in await self.top.source.schedules().schedules()}

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of a schedule."""
        return schedule_row(item, now_ms), {}

    def moves(self, item: Any) -> bool:  # noqa: ARG002  a schedule changes at its moments alone
        """Tell that none changes by itself from one second to the next."""
        return False

    def nothing(self) -> str:
        """Say that there is none, and how one is made."""
        return "no schedule yet: N makes one"

    def can(self, action: str) -> bool:
        """Switch and run what is under the cursor; make one wherever."""
        if action.startswith("schedule.") and action != "schedule.new":
            return self.item_at_cursor() is not None
        return super().can(action)

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Show the whole schedule."""
        schedule = self._items.get(message.key)
        if schedule is not None and isinstance(message.table, LiveTable):
            further = [("why it makes nothing", plain(schedule.fault))]
            further += [("moments to come", ", ".join(map(plain, schedule.next[:_NEXT_SHOWN])))]
            further += [("its arguments", as_text(schedule.arguments)), ("last task", plain(schedule.last_task))]
            self.app.push_screen(RowDetail(message.table, message.key, [pair for pair in further if pair[1]]))

    def do_schedule_new(self) -> None:
        """Make one."""
        from nagare.tui.scheduling import make_schedule  # noqa: PLC0415  loaded when shown

        start_work(
            self, partial(make_schedule, self.top, tuple(self._items), self._take_new), "decide", exclusive=False
        )

    def _take_new(self, schedule: ScheduleView) -> None:
        self.take_item(schedule.name, schedule)
        self.point_at(schedule.name)

    def do_schedule_switch(self) -> None:
        """Switch it on or off."""
        schedule = self.item_at_cursor()
        if schedule is None:
            return
        verb = "switch it off" if schedule.enabled else "switch it on"
        done = "off" if schedule.enabled else "on"

        async def switch() -> str:
            calls = self.top.source.schedules()
            now = await calls.enable(schedule.name, enabled=not schedule.enabled, revision=schedule.revision)
            self.take_item(now.name, now)
            return f"{plain(schedule.name)} is {done}"

        self._decide(_question(schedule, f"{verb[0].upper()}{verb[1:]}?", verb, ""), switch)

    def do_schedule_run(self) -> None:
        """Make its task now."""
        schedule = self.item_at_cursor()
        if schedule is None:
            return

        async def run() -> str:
            task = await self.top.source.schedules().run(schedule.name, schedule.revision)
            return f"made: {plain(task.kind)} {plain(task.id)[:8]}, on behalf of {plain(task.owner)}"

        self._decide(_question(schedule, "Run it now?", "run it now", plain(schedule.name)), run)

    def _decide(self, question: Question, do: Callable[[], Awaitable[str]]) -> None:
        start_work(self, partial(self._decided, question, do), "decide", exclusive=False)

    async def _decided(self, question: Question, do: Callable[[], Awaitable[str]]) -> None:
        from nagare.tui.screens.agreement import Agreement  # noqa: PLC0415  loaded when shown

        if await self.app.push_screen_wait(Agreement(question)) is None:
            return
        try:
            self.top.say(await do())
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))


def _question(schedule: ScheduleView, title: str, verb: str, word: str) -> Question:
    from nagare.tui.screens.agreement import Question  # noqa: PLC0415  loaded when shown

    rows = (
        PlanRow("schedule", (plain(schedule.name),)), PlanRow("when", (plain(f"{schedule.cron} ({schedule.zone})"),)),
        PlanRow("makes", (plain(schedule.kind),)),
        PlanRow("with", (as_text(schedule.arguments) or "no arguments",), is_prose=True),
        PlanRow("owner", (f"{plain(schedule.owner)}, on whose behalf its tasks run",)),
    )  # fmt: skip
    return Question(title, rows, verb, word)
