"""Silences: what people are kept from being told of, until when, why, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from nagare.client.jobs.plans import PlanRow
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.tui.alert_verbs import make_silence
from nagare.tui.alerts.rows import SILENCE_COLUMNS, silence_row
from nagare.tui.keymap import bindings_for
from nagare.tui.screens.alert_lists import AlertLists
from nagare.tui.screens.row_detail import RowDetail
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.wire.alerts import SilenceView


class SilencesPage(AlertLists):
    """The list of silences."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "alarms", "silences")
    BINDINGS = bindings_for(contexts)
    columns = SILENCE_COLUMNS

    async def fetch_items(self) -> dict[str, Any]:
        """Return every silence."""
        return {silence.id: silence for silence in await self.top.source.silences().silences()}

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of a silence."""
        return silence_row(item, now_ms, ascii_only=self.top.use_ascii), {}

    def moves(self, item: Any) -> bool:
        """Tell whether it is not over: what it matches changes."""
        return bool(item.state != "over")

    def nothing(self) -> str:
        """Say that there is none, and how one is made."""
        return "no silence: people are told of every alert; n makes one, and so does s on an alert"

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("alerts", "screen.alerts"), ("silences", ""))

    def can(self, action: str) -> bool:
        """End what is not over."""
        if action == "silence.end":
            silence = self.item_at_cursor()
            return silence is not None and silence.state != "over"
        return super().can(action)

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Show the whole silence."""
        silence = self._items.get(message.key)
        if silence is not None and isinstance(message.table, LiveTable):
            further = [("from", plain(silence.starts_at)), ("until", plain(silence.until_at))]
            further.append(("matched last", plain(silence.matched_at)))
            self.app.push_screen(RowDetail(message.table, message.key, [pair for pair in further if pair[1]]))

    def do_silence_new(self) -> None:
        """Make one from nothing."""
        start_work(self, partial(make_silence, self.top, (), self.ask_anew), "decide", exclusive=False)

    def do_silence_end(self) -> None:
        """End the silence under the cursor."""
        silence = self.item_at_cursor()
        if silence is not None:
            start_work(self, partial(self._end, silence), "decide", exclusive=False)

    async def _end(self, silence: SilenceView) -> None:
        from nagare.tui.screens.agreement import Agreement, Question  # noqa: PLC0415  loaded when shown

        rows = (
            PlanRow("silence", tuple(plain(one, 120) for one in silence.matchers)),
            PlanRow("why", (plain(silence.reason, 300),), is_prose=True),
            PlanRow("owner", (plain(silence.owner),)), PlanRow("now", (f"keeps quiet about {silence.matches}",)),
        )  # fmt: skip
        if await self.app.push_screen_wait(Agreement(Question("End this silence?", rows, "end it"))) is None:
            return
        try:
            ended = await self.top.source.silences().end(silence.id)
            self.take_item(ended.id, ended)
            self.top.say(f"ended: {plain(', '.join(ended.matchers), 80)}")
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))
