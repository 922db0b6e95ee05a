"""The panel beside the host list that tells about the host under the cursor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from nagare.tui.ascii_text import to_ascii
from nagare.tui.host_facts import host_items
from nagare.tui.host_live import HostLive
from nagare.tui.widgets.inspector_list import InspectorList, Item, Note
from nagare.wire.events import EventView


class HostInspector(InspectorList):
    """Follows the cursor of the list."""

    DEFAULT_CSS = """
    HostInspector { padding: 0 1; border-left: vkey $nagare-faint; }
    """

    def inspect(self, host: HostLive | None, now_ms: int, events: Iterable[EventView]) -> None:
        """Tell about ``host``, or that none is chosen."""
        app: Any = self.app
        items = (
            host_items(host, now_ms, events, app.zone, app.model.alerts.values()) if host else [Note("no host chosen")]
        )
        self.set_items([_in_ascii(item) for item in items] if app.use_ascii else items)


def _in_ascii(item: Item) -> Item:
    kind: Any = type(item)
    values = {field.name: getattr(item, field.name) for field in fields(item)}
    shown: Item = kind(**{name: to_ascii(value) if isinstance(value, str) else value for name, value in values.items()})
    return shown
