"""Rules: what is judged, how often, whether it can be, and what fires of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from nagare.lib.plain_text import plain
from nagare.tui.alerts.rows import RULE_COLUMNS, rule_row
from nagare.tui.alerts.told import rule_rows
from nagare.tui.keymap import bindings_for
from nagare.tui.location import Location
from nagare.tui.screens.alert_lists import AlertLists
from nagare.tui.screens.sheet import Sheet
from nagare.tui.widgets.live_table_messages import RowSelected


class RulesPage(AlertLists):
    """The list of rules."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "alarms")
    BINDINGS = bindings_for(contexts)
    columns = RULE_COLUMNS

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._fault = ""

    async def fetch_items(self) -> dict[str, Any]:
        """Return every rule."""
        found = await self.top.source.rules().rules()
        self._fault = plain(found.fault, 300)
        return {rule.name: rule for rule in found.rules}

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of a rule."""
        return rule_row(item, now_ms), item.labels

    def moves(self, item: Any) -> bool:  # noqa: ARG002  rules are judged every few seconds, none of which is urgent
        """Tell that none is the reason to ask again soon."""
        return False

    def nothing(self) -> str:
        """Say that there is none."""
        return "no rule: nothing is judged here"

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("alerts", "screen.alerts"), ("rules", ""))

    def notice(self) -> tuple[str, str, str] | None:
        """Say why files that changed do not hold."""
        notice = super().notice()
        if notice is not None or self.top.feed.trouble is not None or not self._fault:
            return notice
        return "warn", f"the rules before hold: {self._fault}", ""

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Show the whole rule."""
        rule = self._items.get(message.key)
        if rule is not None:
            self.app.push_screen(Sheet(plain(rule.name, 60), rule_rows(rule)))
