"""The tab of one host's agent: itself, its queue and what it was asked to do above the list of its collectors.

What the frames do not bring is asked for by the page; this only says that it is wanted.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.message import Message

from nagare.lib.clock import Clock
from nagare.tui.agent_facts import AgentStanding, agent_groups
from nagare.tui.host_tabs import LIST_TABS
from nagare.tui.widgets.fact_columns import FactColumns
from nagare.tui.widgets.host_pane import ListPane, Moment

_AGAIN_SECONDS = 10.0


class AgentPane(ListPane):
    """Facts in columns, then the collectors."""

    DEFAULT_CSS = """
    AgentPane LiveTable { min-height: 4; }
    """

    class Wanted(Message):
        """What the server knows of this host's agent is wanted, or wanted anew."""

        def __init__(self, host: str) -> None:
            """Keep the host."""
            super().__init__()
            self.host = host

    def __init__(self, clock: Clock) -> None:
        """Make the pane."""
        super().__init__(LIST_TABS["agent"], clock)
        self._standing: AgentStanding | None = None
        self._host = ""
        self._due = 0.0

    def compose(self) -> ComposeResult:
        """Put the facts above the list."""
        yield FactColumns()
        yield from super().compose()

    def tell(self, moment: Moment) -> None:
        """Show the agent at the moment, and ask for the rest of it now and then."""
        if moment.host.name != self._host:
            self._host, self._standing, self._due = moment.host.name, None, 0.0
        groups = agent_groups(moment.host, moment.tables.get("agent", {}), self._standing, moment.now_ms)
        self.query_one(FactColumns).tell(groups)
        super().tell(moment)
        if self._clock.monotonic() >= self._due:
            self._due = self._clock.monotonic() + _AGAIN_SECONDS
            self.post_message(self.Wanted(self._host))

    def take(self, host: str, standing: AgentStanding) -> None:
        """Keep what came; the next moment shows it."""
        if host == self._host:
            self._standing = standing
