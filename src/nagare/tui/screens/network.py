"""Screen 5: what depends on it? A map of nodes in layers, a list of them beside it, and the links of the one under the cursor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from nagare.errors import NagareError, NotFoundError, PermissionDeniedError
from nagare.model.network.build import USUAL_LABELS, ProbeSeen
from nagare.model.network.graph import Network, Node
from nagare.tui.keymap import bindings_for
from nagare.tui.live_model import Connection, Phase
from nagare.tui.location import Location
from nagare.tui.network.rows import LINK_COLUMNS, NODE_COLUMNS, link_row, node_rows
from nagare.tui.network.scene import look_at
from nagare.tui.network.seen import network_of, probes_told
from nagare.tui.network.told import caption, fall_text, unlinked_text
from nagare.tui.network_verbs import NetworkVerbs
from nagare.tui.widgets.filter_bar import FilterBar
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowHighlighted, SortChanged
from nagare.tui.widgets.network_map import NetworkMap
from nagare.tui.widgets.no_data import NoData
from nagare.tui.widgets.time_chart import TimeChart
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nagare.tui.live_model import Changes

# A fleet of which the network takes long to put together is judged less often: never more than a part of the time.
_SHARE = 20
_AGAIN_SECONDS = 10.0


class NetworkPage(NetworkVerbs):
    """The map and the lists."""

    contexts: ClassVar[tuple[str, ...]] = NetworkVerbs.contexts
    BINDINGS = bindings_for(contexts)
    follows_time = True
    DEFAULT_CSS = """
    NetworkPage #main { height: 1fr; }
    NetworkPage #lists { height: 1fr; width: 1fr; }
    NetworkPage #nodes { height: 1fr; width: 1fr; }
    NetworkPage #detail { height: 1fr; width: 1fr; }
    NetworkPage #detail > * { height: 1fr; width: 1fr; }
    NetworkPage #detail > #about { height: 1; background: $surface; color: $nagare-muted; padding: 0 1; }
    NetworkPage NetworkMap { height: 1fr; width: 1fr; }
    NetworkPage.-huge #lists { width: 84; }
    NetworkPage.-huge #lists.-alone { width: 1fr; }
    """

    def __init__(self, location: Location) -> None:
        """Begin with nothing known."""
        super().__init__(location)
        self._network = Network()
        self._cursor = ""
        self._labels: Sequence[str] | None = None
        self._told: Mapping[str, Sequence[ProbeSeen]] = {}
        self._is_guess = False
        self._asked: Connection | None = None
        self._is_asking = False
        self._ask_due = 0.0
        self._due = 0.0

    def body(self) -> Iterable[Widget]:
        """Return lists, map and filter line."""
        with Container(id="main"):
            yield NoData()
            with Horizontal(id="panels"):
                with Vertical(id="lists"):
                    yield LiveTable(NODE_COLUMNS, clock=self.top.clock, id="nodes")
                    with Vertical(id="detail"):
                        yield Static("", id="about", markup=False)
                        yield LiveTable(LINK_COLUMNS, clock=self.top.clock, id="links")
                        yield TimeChart("link", clock=self.top.clock, id="chart")
                yield NetworkMap(id="map")
        yield FilterBar()

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        return (("network", "screen.network"), *((("map", ""),) if self.location.tab else ()))

    def on_mount(self) -> None:
        """Order the lists and take the keys."""
        self.nodes.border_title, self.links.border_title = "Nodes", "Links"
        self.nodes.leave_out("order")
        self.links.leave_out("order")
        for table in (self.nodes, self.links):
            table.sort_by("order", reverse=False)
        self.links.empty_text = "no links: nothing is known of what it hangs on"
        self.share_room()
        self.focus_main()

    def take_focus(self) -> None:
        """Give the keys to the main panel, unless something has them."""
        if self.focused is None and self.is_ready:
            self.focus_main()

    def focus_main(self) -> None:
        """Give the keys to the map where it stands alone, else to the list."""
        (self.query_one(NetworkMap) if self.location.tab else self.nodes).focus()

    def show(self, location: Location) -> None:
        """Filter and sort as the address says, and ask by which labels hosts are linked."""
        super().show(location)
        self._due = 0.0
        self.call_after_refresh(self._apply_location)

    def _apply_location(self) -> None:
        if not self.query("#nodes"):
            return  # the page went while this waited for its turn
        bar = self.filter_bar
        if bar is not None:
            bar.put(self.location.filter)
        self.apply_filter(self.location.filter)
        column, _, direction = self.location.sort.partition(".")
        self.nodes.sort_by(column or "order", reverse=(direction == "desc") if direction or not column else None)
        self.share_room()
        self._ask_if_due()

    def on_resize(self) -> None:
        """Share the room anew."""
        self.call_after_refresh(self.share_room)

    def share_room(self) -> None:
        """Show and hide the panels: list and map side by side where there is room, else the one that is wanted."""
        if not self.is_ready or not self.query("#nodes"):
            return
        is_map, is_huge = bool(self.location.tab), self.has_class("-huge")
        has_room = (
            not is_map
            and (is_huge or self.has_class("-wide"))
            and not (self.has_class("-low") or self.has_class("-normal"))
        )
        is_detail = self.is_asked_for_links or self._charted is not None
        shown = {
            "#lists": not is_map or is_detail, "#map": (is_map and not is_detail) or (is_huge and not is_map),
            "#nodes": has_room or not is_detail, "#detail": has_room or is_detail,
            "#links": self._charted is None, "#chart": self._charted is not None,
        }  # fmt: skip
        for part, is_shown in shown.items():
            self.query_one(part).display = is_shown
        self.query_one("#lists").set_class(is_map, "-alone")
        self.top.refresh_footer()

    # Asking

    def _ask_if_due(self) -> None:
        """Ask once a connection by which labels hosts are linked, and how probes stood before any row comes."""
        connection = self.top.feed.model.connection
        is_online = connection.phase is Phase.ONLINE and self.top.clock.monotonic() >= self._ask_due
        if self._is_asking or self._asked is connection or not is_online:
            return
        self._is_asking = True
        start_work(self, self._ask, "network")

    async def _ask(self) -> None:
        asked, self._ask_due = self.top.feed.model.connection, self.top.clock.monotonic() + _AGAIN_SECONDS
        try:
            view = await self.top.source.network().network()
            self._labels, self._told, self._is_guess, self._asked = view.labels, probes_told(view), False, asked
        except (NotFoundError, PermissionDeniedError):
            # A server that is older than the question; what hosts and probes say is known all the same.
            self._labels, self._is_guess, self._asked = USUAL_LABELS, True, asked
        except NagareError as error:
            self.top.feed.note_trouble(error)
        finally:
            self._is_asking = False
        self._due = 0.0
        self.redraw()
        self.top.refresh_frame()

    # Drawing

    def shown_network(self) -> Network:
        """Return the network that is shown."""
        return self._network

    @property
    def cursor_node(self) -> Node | None:
        """The node under the cursor."""
        return self._network.nodes.get(self._cursor)

    def update_live(self, changes: Changes) -> None:
        """Ask anew after a new connection; what hosts say is drawn by the second."""
        if changes.connection:
            self._ask_due = 0.0
            self._ask_if_due()
            self.query_one(NoData).refresh_text()
        if changes.fleet or changes.connection:
            self.query_one(NoData).refresh_text()
            self._judge()

    def tick(self) -> None:
        """Judge the network anew, and let a chart go on."""
        self._ask_if_due()
        self._judge()
        self.refresh_chart()

    def moment_changed(self) -> None:
        """Draw the network of another moment."""
        self._due = 0.0
        self.redraw()

    def redraw(self) -> None:
        """Draw everything."""
        if self.is_ready and self.query("#nodes"):
            self.query_one(NoData).refresh_text()
            self._due = 0.0
            self._judge()
            self.share_room()

    def _judge(self) -> None:
        """Put the network together as it is now, unless that is too soon, or the list stands still."""
        if not self.is_ready or not self.query("#nodes"):
            return
        self.nodes.is_loading = self.query_one(NetworkMap).is_loading = self._is_loading
        began = self.top.clock.monotonic()
        if self._is_loading or self.nodes.is_frozen or began < self._due:
            return
        self._network = network_of(
            self.model, self._labels or USUAL_LABELS, self._told if self.moment_ms is None else {}
        )
        rows = node_rows(self._network, self.model)
        for node_id, cells in rows.items():
            host = self.model.hosts.get(self._network.nodes[node_id].name) if node_id.startswith("host/") else None
            self.nodes.store.update(
                node_id, cells, labels={} if host is None or host.view is None else host.view.labels
            )
        for key in [key for key in self.nodes.store.row_keys() if key not in rows]:
            self.nodes.store.remove(key)
        self.nodes.sync()
        self._due = began + _SHARE * (self.top.clock.monotonic() - began)
        self._draw_cursor()
        self.tell_matches()

    @property
    def _is_loading(self) -> bool:
        is_online = self.top.feed.model.connection.phase is Phase.ONLINE
        return is_online and (not self.model.is_primed or self._labels is None)

    def _draw_cursor(self) -> None:
        """Draw what follows the cursor: the map with its way up and down, and the links."""
        if self._cursor not in self._network.nodes:
            self._cursor = self.nodes.cursor_key or ""
        matching = frozenset(self.nodes.ordered_keys) if self.nodes.filter_text else None
        self.query_one(NetworkMap).show_scene(look_at(self._network, self._cursor, matching))
        links = self._network.links_of(self._cursor)
        store = self.links.store
        store.replace({link.id: link_row(link, self._network, self.model, self._cursor) for link in links})
        self.links.sync()
        palette = self.top.palette
        self.query_one("#about", Static).update(palette.text(caption(self._network, self.cursor_node, palette)))
        self.top.refresh_footer()

    def move_cursor(self, node: str) -> None:
        """Put the cursor on a node, in the list and on the map."""
        if node in self._network.nodes and node != self._cursor:
            self._cursor = node
            self.nodes.move_to(node)
            self._draw_cursor()

    def point_at(self, key: str) -> None:
        """Put the cursor on a node."""
        self.move_cursor(key)

    def on_live_table_row_highlighted(self, message: RowHighlighted) -> None:
        """The map and the links follow the list's cursor."""
        if message.table is self.nodes and message.key:
            self.move_cursor(message.key)
        self.top.refresh_footer()

    def on_live_table_sort_changed(self, message: SortChanged) -> None:
        """Remember the order in the address."""
        if message.table is self.nodes:
            usual = message.column == "order"
            self.set_location(sort="" if usual else f"{message.column}.{'desc' if message.reverse else 'asc'}")

    def apply_filter(self, text: str) -> None:
        """Filter the nodes; the map draws the others dim, where they stand."""
        super().apply_filter(text)
        if self.is_ready and self.query("#nodes"):
            self._draw_cursor()

    def tell_matches(self) -> None:
        """Say how many nodes match, whichever list has the keys."""
        bar = self.filter_bar
        if bar is not None and not bar.is_wrong:
            bar.tell(f"{self.nodes.row_count} of {len(self.nodes.view)}" if bar.text else "")

    def notice(self) -> tuple[str, str, str] | None:
        """Say what fell; in the past, what of it is not kept; else how links come to be where there are none."""
        feed = self.top.feed
        if feed.can_retry or feed.trouble is not None or self._is_loading or not self.query("#nodes"):
            return None
        roots = self._network.roots()
        if roots and not self.nodes.is_frozen:
            return "down", fall_text(roots), "network.root"
        told = self._told_text()
        return ("info", told, "") if told else None

    def _told_text(self) -> str:
        if self.nodes.is_frozen:
            return "list and map stand still; z lets them go on"
        if self.moment_ms is not None:
            return f"states of {self.top.feed.replay.moment_text()}; which labels linked hosts then is not kept: links are those of now"
        if self._network.nodes and not self._network.links:
            return unlinked_text(self._labels or USUAL_LABELS)
        return (
            "the server does not tell by which labels hosts are linked: the usual ones are taken"
            if self._is_guess
            else ""
        )
