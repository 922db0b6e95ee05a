"""The panel beside the host list that tells about the host under the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from nagare.tui.alerts.rows import host_of
from nagare.tui.ascii_text import to_ascii
from nagare.tui.host_facts import host_items
from nagare.tui.host_live import HostLive
from nagare.tui.widgets.inspector_list import InspectorList, Item, Note
from nagare.wire.alerts import AlertView
from nagare.wire.events import EventView


class HostInspector(InspectorList):
    """Follows the cursor of the list."""

    DEFAULT_CSS = """
    HostInspector { padding: 0 1; border-left: vkey $nagare-faint; }
    """

    def __init__(self) -> None:
        """Make the panel; ``inspect`` fills it."""
        super().__init__()
        self._asked: Mapping[str, AlertView] = {}
        self._by_host: dict[str, list[AlertView]] = {}

    def inspect(self, host: HostLive | None, now_ms: int, events: Iterable[EventView]) -> None:
        """Tell about ``host``, or that none is chosen."""
        app: Any = self.app
        items = (
            host_items(host, now_ms, events, app.zone, self._alerts_of(host.name, app.model.alerts))
            if host
            else [Note("no host chosen")]
        )
        self.set_items([_in_ascii(item) for item in items] if app.use_ascii else items)

    def _alerts_of(self, host: str, alerts: Mapping[str, AlertView]) -> Sequence[AlertView]:
        # An answer is never changed: looked through once, however often the panel is drawn.
        if alerts is not self._asked:
            self._asked, self._by_host = alerts, {}
            for alert in alerts.values():
                self._by_host.setdefault(host_of(alert), []).append(alert)
        return self._by_host.get(host, ())


def _in_ascii(item: Item) -> Item:
    kind: Any = type(item)
    values = {field.name: getattr(item, field.name) for field in fields(item)}
    shown: Item = kind(**{name: to_ascii(value) if isinstance(value, str) else value for name, value in values.items()})
    return shown
