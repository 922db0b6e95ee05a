"""What is done on the screen of the network: nodes opened, links opened, the picture changed, files written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from nagare.errors import NagareError
from nagare.model.network.graph import Link, Network, Node, NodeKind
from nagare.tui.actions import ACTIONS
from nagare.tui.chart_verbs import CHART_METHODS
from nagare.tui.export import csv_text, file_name
from nagare.tui.location import Location
from nagare.tui.network.layout import lay_out
from nagare.tui.network.rows import links_csv
from nagare.tui.network.scene import look_at
from nagare.tui.network.svg import map_svg
from nagare.tui.network_chart import NetworkChart
from nagare.tui.renderables.time_axis import local_time
from nagare.tui.run_verb import RunVerb
from nagare.tui.screens.list_page import ListPage
from nagare.tui.screens.pick import Choice, Pick
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.widgets.network_map import NetworkMap
from nagare.tui.widgets.time_chart import TimeChart
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAP_METHODS: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "map.left": ("action_step", (-1, 0)), "map.right": ("action_step", (1, 0)), "map.up": ("action_step", (0, -1)),
    "map.down": ("action_step", (0, 1)), "map.page_up": ("action_page", (-1,)), "map.page_down": ("action_page", (1,)),
    "map.first": ("action_end", (0,)), "map.last": ("action_end", (-1,)), "map.open": ("action_choose", ()),
    "map.freeze": ("action_freeze", ()),
}  # fmt: skip
# A drawing is read on a wide screen.
_SVG_WIDTH = 160


class NetworkVerbs(NetworkChart, RunVerb, ListPage):
    """Mixed into the page with the map."""

    contexts: ClassVar[tuple[str, ...]] = ("network", "list", "table", "map", "chart", "crosshair", "targets")

    def __init__(self, location: Location) -> None:
        """Begin with the links closed."""
        super().__init__(location)
        self.is_asked_for_links = False

    @property
    def nodes(self) -> LiveTable:
        """The list of nodes, shown or not."""
        return self.query_one("#nodes", LiveTable)

    @property
    def links(self) -> LiveTable:
        """The list of links of the node under the cursor, shown or not."""
        return self.query_one("#links", LiveTable)

    @property
    def cursor_node(self) -> Node | None:
        """The node under the cursor."""
        raise NotImplementedError

    def move_cursor(self, node: str) -> None:
        """Put the cursor on a node, in the list and on the map."""
        raise NotImplementedError

    def find_link(self, key: str) -> Link | None:
        """Return a link by its id, None where it is gone."""
        return next((link for link in self.shown_network().links if link.id == key), None)

    def table(self) -> LiveTable:
        """Return the links while they have the keys, else the nodes."""
        return self.links if self.links.has_focus else self.nodes

    def host_at_cursor(self) -> str:
        """Return the host under the cursor, empty where it is on something else."""
        node = self.cursor_node if self.is_ready and self.query("#nodes") else None
        return node.name if node is not None and node.kind is NodeKind.HOST and node.name in self.model.hosts else ""

    def can(self, action: str) -> bool:
        """The map's keys hold while it has them, those of a chart while one is shown, those of hosts on a host."""
        where = ACTIONS[action].where
        if where == "map":
            return isinstance(self.focused, NetworkMap)
        if where in ("chart", "crosshair") and action != "chart.live":
            return self._charted is not None and action != "time.compare"
        if where == "targets":
            return bool(self.host_at_cursor())
        if where == "network":
            return {
                "network.links": self.cursor_node is not None,
                "network.root": bool(self.shown_network().roots()),
            }.get(action, True)
        return super().can(action)

    def run_widget_action(self, action_id: str) -> None:
        """Have the map, the chart or the list do what its own key would."""
        if action_id in _MAP_METHODS:
            method, arguments = _MAP_METHODS[action_id]
            getattr(self.query_one(NetworkMap), method)(*arguments)
        elif action_id in CHART_METHODS:
            method, arguments = CHART_METHODS[action_id]
            getattr(self.chart, method)(*arguments)
        else:
            super().run_widget_action(action_id)

    # Going into something

    async def open_node(self, node_id: str) -> None:
        """Go into a host; of anything else show the links."""
        node = self.shown_network().nodes.get(node_id)
        if node is None:
            return
        if node.kind is NodeKind.HOST and node.name in self.model.hosts:
            await self.top.go(self.location.with_host(node.name))
        else:
            self.do_network_links()

    async def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Go into the node, or draw the link."""
        if message.table is self.nodes:
            await self.open_node(message.key)
        elif (link := self.find_link(message.key)) is not None:
            self.open_chart(link)

    async def on_network_map_node_chosen(self, message: NetworkMap.NodeChosen) -> None:
        """Go into the node."""
        await self.open_node(message.node)

    def on_network_map_freeze_asked(self) -> None:
        """Hold list and map still, or let them go on."""
        self.nodes.action_toggle_freeze()

    def on_filter_bar_left(self) -> None:
        """Give the keys back to the map, or to the list."""
        self.focus_main()

    def on_network_map_node_highlighted(self, message: NetworkMap.NodeHighlighted) -> None:
        """Follow the map's cursor."""
        self.move_cursor(message.node)

    def do_network_links(self) -> None:
        """Give the keys to the links of the node under the cursor, shown for it where there is no room beside the list."""
        self.close_chart()
        self.is_asked_for_links = True
        self.share_room()
        self.links.focus()

    def do_network_root(self) -> None:
        """Put the cursor on what fell and has most behind it; on the next one where it is there already."""
        roots = [node.id for node in self.shown_network().roots()]
        if roots:
            here = self.cursor_node
            at = roots.index(here.id) + 1 if here is not None and here.id in roots else 0
            self.move_cursor(roots[at % len(roots)])

    def do_network_view(self) -> None:
        """Show the map alone, or the list again."""
        self.is_asked_for_links = False
        self.close_chart()
        self.set_location(tab="" if self.location.tab else "map")
        self.share_room()
        self.focus_main()

    def focus_main(self) -> None:
        """Give the keys to the map, or to the list."""
        raise NotImplementedError

    def step_back(self) -> bool:
        """Leave the crosshair, the chart, the links; then the list's steps, then the map."""
        if self._charted is not None:
            if self.location.window.at_ms is None or not isinstance(self.focused, TimeChart):
                self.close_chart()
                self.links.focus()
            else:
                self.chart.action_clear_crosshair()
            return True
        if self.is_asked_for_links or self.links.has_focus:
            self.is_asked_for_links = False
            self.share_room()
            self.focus_main()
            return True
        return super().step_back()

    # Taking something away

    async def do_export(self) -> None:
        """Choose in which form the network is written to a file."""
        start_work(self, partial(self._export, self.shown_network()), "export", exclusive=False)

    async def _export(self, network: Network) -> None:
        keys = self._wanted_keys(self.nodes)
        choices = [
            Choice("nodes", f"CSV: the {len(keys)} nodes that are shown or marked"),
            Choice("links", f"CSV: the {len(network.links)} links"),
            Choice("svg", "SVG: the map", "opens in any browser"),
        ]
        picked = await self.app.push_screen_wait(Pick("Write to a file here", choices, verb="writes it"))
        if picked is None:
            return
        moment = local_time(self.top.clock.now_ms(), self.top.zone)
        form = "svg" if picked.id == "svg" else "csv"
        name = file_name("network-links" if picked.id == "links" else "network", moment, form)
        match picked.id:
            case "nodes":
                text, what = csv_text(self.nodes.columns, self.nodes.view, keys), f"{len(keys)} nodes"
            case "links":
                text, what = links_csv(network), f"{len(network.links)} links"
            case _:
                title = f"Network, {self.top.feed.replay.moment_text() or f'{moment:%Y-%m-%d %H:%M}'}"
                text, what = (
                    map_svg(lay_out(network, _SVG_WIDTH), look_at(network, ""), self.top.palette, title),
                    "the map",
                )
        try:
            await self.run_worker(partial(self.write_export, name, text, what), thread=True, group="write").wait()
        except NagareError as error:
            self.top.say(error.message, error.hint)
