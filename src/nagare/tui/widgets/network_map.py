"""The flat map of the network that one can walk through: arrows or mouse choose a node, Enter opens it, its last line tells of it.

It is one picture of a scene (``network.scene``): what it shows is given to it, and it tells of the cursor by messages.
"""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from nagare.model.network.graph import Network
from nagare.tui.network.drawing import PairStates, Seen, draw_map, pair_states
from nagare.tui.network.layout import MapLayout, lay_out
from nagare.tui.network.scene import Scene
from nagare.tui.network.told import caption
from nagare.tui.renderables.cell_text import fit
from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.skeleton import draw_skeleton
from nagare.tui.renderables.theme import find_palette

# Rows of the map that stay in sight above and below the cursor.
_MARGIN = 2


class NetworkMap(Widget, can_focus=True):
    """A map of nodes, and a line below it that tells of the one under the cursor."""

    HELP = "What depends on nothing stands at the top. Arrows walk, Enter opens; the cursor's way up and down is drawn heavier."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1,0)", "Left", show=False, id="map.left"),
        Binding("right,l", "step(1,0)", "Right", show=False, id="map.right"),
        Binding("up,k", "step(0,-1)", "Up", show=False, id="map.up"),
        Binding("down,j", "step(0,1)", "Down", show=False, id="map.down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="map.page_up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="map.page_down"),
        Binding("home,g", "end(0)", "First", show=False, id="map.first"),
        Binding("end,G", "end(-1)", "Last", show=False, id="map.last"),
        Binding("enter", "choose", "Open", id="map.open"),
        Binding("z,F", "freeze", "Freeze", id="map.freeze"),
    ]

    DEFAULT_CSS = """
    NetworkMap { background: $background; color: $foreground; min-height: 2; }
    NetworkMap:focus { border-title-style: bold reverse; }
    """

    is_loading: reactive[bool] = reactive(default=False, init=False)

    class NodeChosen(Message):
        """A node was opened: Enter or a click on the selected one."""

        def __init__(self, node: str) -> None:
            """Name the node."""
            super().__init__()
            self.node = node

    class NodeHighlighted(NodeChosen):
        """The cursor wants to stand on another node."""

    class FreezeAsked(Message):
        """List and map shall stand still, or go on."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  textual's own name
        """Make an empty map."""
        super().__init__(id=id)
        self.scene = Scene()
        self._states: PairStates = {}
        self._layout: MapLayout | None = None
        self._layout_key: tuple[int, object] = (0, None)
        self._laid_out: Network | None = None
        self._strips: list[Strip] = []
        self._strips_key: object = None
        self._left = self._top = 0

    def show_scene(self, scene: Scene) -> None:
        """Show ``scene``; nothing moves unless nodes or links came or went."""
        if scene.network is not self.scene.network:
            self._states = pair_states(scene.network)
        has_moved = scene.cursor != self.scene.cursor
        self.scene = scene
        if has_moved:
            self._keep_seen()
        self._repaint()

    def layout_of(self, width: int) -> MapLayout:
        """Return where everything stands; made anew only where nodes, links or the width are others."""
        network = self.scene.network
        if self._layout is None or self._laid_out is not network or self._layout_key[0] != width:
            key = (width, _shape(network))
            if self._layout is None or self._layout_key != key:
                self._layout, self._layout_key = lay_out(network, width), key
            self._laid_out = network
        return self._layout

    def _repaint(self) -> None:
        self._strips_key = None
        self.refresh()

    @property
    def _map(self) -> MapLayout:
        return self.layout_of(max(1, self.size.width))

    @property
    def _map_height(self) -> int:
        return max(1, self.size.height - 1)

    def on_resize(self) -> None:
        """Lay out anew, the cursor in sight."""
        self._keep_seen()
        self._repaint()

    def watch_is_loading(self) -> None:
        """Repaint the placeholder."""
        self._repaint()

    def notify_style_update(self) -> None:
        """Forget what is painted: the theme or the focus changed."""
        super().notify_style_update()
        self._strips_key = None

    def _keep_seen(self) -> None:
        """Scroll so that the cursor, or the top of the map, is in sight."""
        layout, (width, height) = self._map, (self.size.width, self._map_height)
        place = layout.places.get(self.scene.cursor)
        if place is not None:
            margin = min(_MARGIN, height // 3)
            self._top = min(max(self._top, place.row + margin + 1 - height), max(0, place.row - margin))
            self._left = min(max(self._left, place.column + place.width - width), place.column)
        self._top = max(0, min(self._top, layout.height - height))
        self._left = max(0, min(self._left, layout.width - width))

    # Painting

    def render_line(self, y: int) -> Strip:
        """Return one line; all are drawn at once and kept until something changes."""
        base, palette = self.rich_style, find_palette(self)
        key = (self.size, self.has_focus, base, palette)
        if self._strips_key != key:
            self._strips = self._draw()
            self._strips_key = key
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, base)

    def _draw(self) -> list[Strip]:
        width, height = self.size.width, self._map_height
        palette, base = find_palette(self), self.rich_style
        if self.is_loading:
            columns = [(at, 16) for at in range(2, max(3, width - 18), 24)]
            lines = draw_skeleton(columns, width, min(8, height), palette)
            return [Strip(line, width).apply_style(base) for line in lines]
        seen = Seen(self._left, self._top, width, height)
        lines = draw_map(self._map, self.scene, self._states, seen, palette, has_focus=self.has_focus)
        strips = [Strip(line, width).apply_style(base) for line in lines]
        node = self.scene.network.nodes.get(self.scene.cursor)
        text = palette.text(caption(self.scene.network, node, palette))
        place = self._place_text()
        text = fit(text, max(0, width - len(place)), palette.glyphs.more) + place
        return [*strips, Strip([Segment(text, base + make_style(palette.muted))], width)]

    def _place_text(self) -> str:
        """Return which rows of a map that is higher are seen."""
        height, seen = self._map.height, self._map_height
        return f" {self._top + 1}-{min(height, self._top + seen)} of {height}" if height > seen else ""

    # Walking

    def action_step(self, across: int, down: int) -> None:
        """Go to the nearest node in a direction."""
        self._go(self._map.step(self.scene.cursor, across, down))

    def action_page(self, pages: int) -> None:
        """Go a screenful up or down."""
        layout, node = self._map, self.scene.cursor
        start = layout.places[node].row if node in layout.places else 0
        while node in layout.places and abs(layout.places[node].row - start) < self._map_height - 2:
            further = layout.step(node, 0, pages)
            if further == node:
                break
            node = further
        self._go(node)

    def action_end(self, place: int) -> None:
        """Go to the first node, or to the last."""
        nodes = list(self._map.places)
        if nodes:
            self._go(nodes[place])

    def action_choose(self) -> None:
        """Open the node under the cursor."""
        if self.scene.cursor:
            self.post_message(self.NodeChosen(self.scene.cursor))

    def action_freeze(self) -> None:
        """Hold everything still, or let it go on."""
        self.post_message(self.FreezeAsked())

    def _go(self, node: str) -> None:
        if node and node != self.scene.cursor:
            self.post_message(self.NodeHighlighted(node))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down."""
        self._scroll(event, 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        self._scroll(event, -3)

    def _scroll(self, event: events.MouseEvent, rows: int) -> None:
        event.stop()
        self._top = max(0, min(self._top + rows, self._map.height - self._map_height))
        self._repaint()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked node; a click on the one that has it opens it."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y >= self._map_height:
            return
        node = self._map.hit(offset.x + self._left, offset.y + self._top)
        if node:
            event.stop()
            self.action_choose() if node == self.scene.cursor else self._go(node)


def _shape(network: Network) -> tuple[object, ...]:
    """Return what the layout depends on: which nodes there are, what they are called, and what hangs on what."""
    return tuple(network.nodes), tuple(network.uppers.items())
