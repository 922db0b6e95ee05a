"""Makes what stands below the tabs of one host: each tab has its pane, made when it is first shown."""

from __future__ import annotations

from nagare.lib.clock import Clock
from nagare.tui.host_tabs import LIST_TABS
from nagare.tui.widgets.agent_pane import AgentPane
from nagare.tui.widgets.host_pane import CoresPane, EventsPane, HostPane, ListPane


def make_pane(tab: str, clock: Clock) -> HostPane:
    """Return the pane of a tab that is not the timeline."""
    if tab == "cores":
        return CoresPane(clock)
    if tab == "events":
        return EventsPane(clock)
    return AgentPane(clock) if tab == "agent" else ListPane(LIST_TABS[tab], clock)
