"""Rules: what is judged, how often, whether it can be, and what fires of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from nagare.client.jobs.plans import PlanRow
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.tui.alerts.rows import RULE_COLUMNS, rule_row
from nagare.tui.alerts.told import rule_rows
from nagare.tui.keymap import bindings_for
from nagare.tui.location import Location
from nagare.tui.screens.alert_lists import AlertLists
from nagare.tui.screens.sheet import Sheet
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.wire.alerts import RuleView


class RulesPage(AlertLists):
    """The list of rules."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "lists", "alarms", "rules")
    BINDINGS = bindings_for(contexts)
    columns = RULE_COLUMNS

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._fault = ""

    async def fetch_items(self) -> dict[str, Any]:
        """Return every rule."""
        found = await self.top.source.rules().rules()
        not_held = "; ".join(f"{name} of the API does not hold: {why}" for name, why in found.not_held.items())
        self._fault = plain(f"the rules before hold: {found.fault}" if found.fault else not_held, 300)
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

    def can(self, action: str) -> bool:
        """Delete what was saved at the server."""
        if action == "rule.delete":
            rule = self.item_at_cursor()
            return rule is not None and rule.origin_kind == "api"
        return super().can(action)

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("alerts", "screen.alerts"), ("rules", ""))

    def notice(self) -> tuple[str, str, str] | None:
        """Say why files that changed do not hold."""
        notice = super().notice()
        if notice is not None or self.top.feed.trouble is not None or not self._fault:
            return notice
        return "warn", self._fault, ""

    def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Show the whole rule."""
        rule = self._items.get(message.key)
        if rule is not None:
            self.app.push_screen(Sheet(plain(rule.name, 60), rule_rows(rule)))

    def do_rule_delete(self) -> None:
        """Delete the rule under the cursor."""
        rule = self.item_at_cursor()
        if rule is not None:
            start_work(self, partial(self._delete, rule), "decide", exclusive=False)

    async def _delete(self, rule: RuleView) -> None:
        from nagare.tui.screens.agreement import Agreement, Question  # noqa: PLC0415  loaded when shown

        rows = (
            PlanRow("rule", (plain(rule.name),)), PlanRow("what for", (plain(rule.text, 300) or "-",), is_prose=True),
            PlanRow("saved by", (plain(f"{rule.changed_by}, {rule.changed_at}"),)),
            PlanRow("now", (f"{rule.firing} active alerts, which end in a minute or two",)),
        )  # fmt: skip
        question = Question("Delete this rule?", rows, "delete it", plain(rule.name))
        if await self.app.push_screen_wait(Agreement(question)) is None:
            return
        try:
            await self.top.source.rules().remove(rule.name, rule.revision)
            self.top.say(f"deleted: {plain(rule.name)}")
            self.ask_anew()
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))
