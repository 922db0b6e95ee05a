"""A stage for one widget: an app with our themes that keeps every message the widget sends."""

# ruff: noqa: TID253  these tests drive textual itself

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from nagare.tui.looks import DressedApp

NOW_MS = 1_760_000_000_000


class Stage(DressedApp):
    """The widget under test alone on the screen."""

    CSS = "LiveTable, TimeChart, HeatGridView, InspectorList { height: 1fr; }"

    def __init__(self, widget: Widget, *, theme: str = "nagare-dark", use_ascii: bool = False) -> None:
        super().__init__()
        self.widget = widget
        self.use_ascii = use_ascii
        self.seen: list[Message] = []
        self.dress(theme)

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_mount(self) -> None:
        self.widget.focus()

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the messages of exactly one kind, in order."""
        return [message for message in self.seen if type(message) is kind]

    async def on_event(self, event: Any) -> None:
        await super().on_event(event)

    def text(self) -> list[str]:
        """Return what the widget shows, line by line, inside its border."""
        width, height = self.widget.size
        return ["".join(segment.text for segment in self.widget.render_line(y)) for y in range(height)] if width else []


def keep_messages(*kinds: type[Message]) -> type[Stage]:
    """Return a stage that keeps messages of these kinds."""

    def keep(self: Stage, message: Message) -> None:
        self.seen.append(message)

    return type("KeepingStage", (Stage,), {kind.handler_name: keep for kind in kinds})
