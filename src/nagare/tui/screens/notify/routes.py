"""Routes and receivers: who is told of what, who is on duty now, which mutes hold; and a test of whom one can reach."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from nagare.client.jobs.plans import PlanRow
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.tui.keymap import bindings_for
from nagare.tui.location import Location
from nagare.tui.notify.routes import ROUTE_COLUMNS, Entry, entries_of, reached_by
from nagare.tui.screens.alert_lists import NOTIFICATIONS, AlertLists
from nagare.tui.screens.sheet import Sheet
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.wire.notify import ReceiversView

_WARNING = "this goes to people now: phones ring"


class RoutesPage(AlertLists):
    """The list of routes, receivers, rotations, escalations and mutes."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "alarms", "routes")
    BINDINGS = bindings_for(contexts)
    columns = ROUTE_COLUMNS

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._found: ReceiversView | None = None

    async def fetch_items(self) -> dict[str, Any]:
        """Return the rows of what the file of notifications says now."""
        self._found = await self.top.source.notify().receivers()
        return dict(entries_of(self._found))

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:  # noqa: ARG002  nothing of it has an age
        """Return the cells of a row."""
        return item.cells, {}

    def moves(self, item: Any) -> bool:  # noqa: ARG002  turns change by the hour
        """Tell that none is the reason to ask again soon."""
        return False

    def nothing(self) -> str:
        """Say that there is none."""
        return "no route: alerts.notify_file names no file, so that people are told of nothing"

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("alerts", "screen.alerts"), ("routes", ""))

    def notice(self) -> tuple[str, str, str] | None:
        """Say why a file that changed does not hold, or which mutes hold now."""
        notice = super().notice()
        if notice is not None or self.top.feed.trouble is not None or self._found is None:
            return notice
        if self._found.fault:
            return "warn", f"what held before holds on: {plain(self._found.fault, 300)}", ""
        held = [mute.name for mute in self._found.mutes if mute.holds]
        return ("info", f"mute now: {plain(', '.join(held), 200)}", "") if held else None

    def can(self, action: str) -> bool:
        """Test whoever may be told."""
        if action == "receiver.test":
            entry = self.item_at_cursor()
            return entry is not None and bool(entry.receiver)
        return super().can(action)

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Show everything about a row; a test begins from there, too."""
        entry = self._items.get(message.key)
        if entry is not None:
            start_work(self, partial(self._tell, entry), "decide", exclusive=False)

    async def _tell(self, entry: Entry) -> None:
        ways = [("T", f"tests {plain(entry.receiver, 30)}")] if entry.receiver else []
        title = f"{entry.kind.capitalize()} {plain(entry.name, 50)}"
        if await self.app.push_screen_wait(Sheet(title, entry.told, ways)) == "T":
            reason = self.why_not("receiver.test")
            if reason:
                self.top.say(reason)
            else:
                await self._test(entry.receiver)

    def do_receiver_test(self) -> None:
        """Send a test to who is under the cursor."""
        entry = self.item_at_cursor()
        if entry is not None and entry.receiver:
            start_work(self, partial(self._test, entry.receiver), "decide", exclusive=False)

    async def _test(self, receiver: str) -> None:
        from nagare.tui.screens.agreement import Agreement, Question  # noqa: PLC0415  loaded when shown

        channels = reached_by(self._found, receiver) if self._found is not None else []
        rows = (
            PlanRow("tests", (plain(receiver),)),
            PlanRow("on", tuple(plain(key, 100) for key in channels) or ("no channel",)),
        )
        question = Question("Send a test?", rows, "send a test", plain(receiver), warning=_WARNING)
        if await self.app.push_screen_wait(Agreement(question)) is None:
            return
        try:
            made = await self.top.source.notify().test(receiver)
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))
            return
        # Where each of them is seen to arrive, or not to.
        await self.top.go(Location(NOTIFICATIONS, filter="reason:test", window=self.location.window))
        for one in made[:1]:
            self.top.page.point_at(one.id)
        self.top.say(f"a test is on its way on {len(made)} channels")
