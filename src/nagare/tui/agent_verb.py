"""Asks the server what it knows of the agent that is looked at, when the tab that shows it wants it; one request at a time."""

from __future__ import annotations

from functools import partial

from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.tui.agent_facts import AgentStanding
from nagare.tui.screens.page import Page
from nagare.tui.widgets.agent_pane import AgentPane
from nagare.tui.work import start_work


class AgentVerb(Page):
    """Mixed into the page of one host."""

    def on_agent_pane_wanted(self, message: AgentPane.Wanted) -> None:
        """Ask; an answer that is still on its way is for nobody any more."""
        message.stop()
        start_work(self, partial(self._ask_standing, message.host), "standing")

    async def _ask_standing(self, host: str) -> None:
        try:
            found = await self.top.source.standing(host)
        except NagareError as error:
            found = AgentStanding(refusal=plain(error.message))
        for pane in self.query(AgentPane):
            pane.take(host, found)
        self.redraw()
