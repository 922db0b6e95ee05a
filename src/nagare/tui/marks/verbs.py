"""What pages with charts do with marks: ask for them, keep them fresh, draw them, go to the next one, open one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nagare.errors import NagareError
from nagare.tui.history import Span
from nagare.tui.marks.going import open_mark
from nagare.tui.marks.of_events import event_marks
from nagare.tui.renderables.chart_model import EventMark
from nagare.tui.renderables.time_axis import format_clock
from nagare.tui.screens.page import Page
from nagare.tui.screens.pick import Choice, Pick
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.location import Location
    from nagare.tui.widgets.chart_board import ChartBoard
    from nagare.tui.widgets.time_window import MarkOpened
    from nagare.wire.events import EventView

# Events come by themselves; commands, gaps and what people set are asked for again.
_EVERY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Found:
    """Marks that came, of what they are, and which events were known when they were asked for."""

    host: str
    span: Span
    marks: Sequence[EventMark]
    known: frozenset[str]

    def tells(self, event: EventView) -> bool:
        """Tell whether the event is among what was asked for: one that came since may be of before."""
        return event.id in self.known and self.span.start_ms <= event.ts <= self.span.end_ms


class MarkVerbs(Page):
    """Mixed into pages that have a ``board``."""

    def __init__(self, location: Location) -> None:
        """Begin without any."""
        super().__init__(location)
        self._found: _Found | None = None

    @property
    def board(self) -> ChartBoard:
        """The page's charts."""
        raise NotImplementedError

    def chart_events(self) -> list[EventView]:
        """Return the events that charts mark: those of the shown moment, and what came after it within the window."""
        found = {event.id: event for event in (*self.model.events, *self.top.feed.model.events)}
        end_ms = self.location.window.end_ms
        return [event for event in found.values() if end_ms is None or event.ts <= end_ms]

    def draw_marks(self) -> None:
        """Mark what is known: what was asked for, and the events that came since."""
        host = self.location.host
        found = self._found if self._found is not None and self._found.host == host else None
        events = self.chart_events()
        if found is None:
            self.board.set_events(event_marks(events, host))
            return
        asked = {(mark.ts_ms, mark.kind, mark.subject) for mark in found.marks}
        fresh = event_marks((event for event in events if not found.tells(event)), host)
        self.board.set_events(
            [*found.marks, *(mark for mark in fresh if (mark.ts_ms, mark.kind, mark.subject) not in asked)]
        )

    def on_mount(self) -> None:
        """Ask again now and then."""
        self.set_interval(_EVERY_SECONDS, self._ask_again, name="marks")

    def _ask_again(self) -> None:
        span = self.board.asked_span if self.query("#board") else None
        # A page that nobody looks at asks for nothing, nor does a window that does not go on.
        if span is not None and self.app.screen is self and self.location.window.is_live:
            self._ask(Span(span.start_ms, self.top.clock.now_ms(), span.step_ms))

    def on_chart_board_loaded(self) -> None:
        """Ask for the marks of what the charts show now."""
        span = self.board.asked_span
        if span is not None:
            self._ask(span)

    def _ask(self, span: Span) -> None:
        start_work(self, partial(self._load, self.location.host, span), "marks")

    async def _load(self, host: str, span: Span) -> None:
        known = frozenset(event.id for event in self.top.feed.model.events)
        try:
            marks = await self.top.source.marks(host, span)
        except NagareError:
            return  # the charts say what is wrong; events that came by themselves are marked all the same
        self._found = _Found(host, span, marks, known)
        if self.is_ready and host == self.location.host:
            self.draw_marks()

    def on_time_chart_marks_end(self, message: object) -> None:  # noqa: ARG002  which chart it was does not matter
        """Say that there is no mark further on."""
        self.top.say("no further mark in this window")

    def on_time_chart_mark_opened(self, message: MarkOpened) -> None:
        """Go where a mark leads; of several the one that is chosen."""
        message.stop()
        if len(message.marks) == 1:
            start_work(self, partial(open_mark, self.top, message.marks[0]), "mark", exclusive=False)
        else:
            start_work(self, partial(self._choose, message.marks), "mark", exclusive=False)

    async def _choose(self, marks: Sequence[EventMark]) -> None:
        choices = [
            Choice(str(place), f"{format_clock(mark.ts_ms)} {mark.text}", mark.kind.value, mark.text)
            for place, mark in enumerate(marks)
        ]
        picked = await self.app.push_screen_wait(Pick("What happened here", choices, verb="opens it"))
        if picked is not None:
            await open_mark(self.top, marks[int(picked.id)])
