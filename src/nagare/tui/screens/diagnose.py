"""Diagnose: what is wrong and why. Kept diagnoses beside the one that is open: its answer, and the evidence behind it.

One question is asked at a time; how far it is shows at once, and leaving it with Esc ends it at the server too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Container, Horizontal
from textual.timer import Timer
from textual.widget import Widget

from nagare.client.diagnosis_text import evidence_text, markdown_lines
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.tui.diagnosis.rows import (
    DIAGNOSIS_COLUMNS,
    EVIDENCE_COLUMNS,
    about_text,
    diagnosis_labels,
    diagnosis_row,
    evidence_rows,
)
from nagare.tui.diagnosis.told import Line, answer_lines, failed_lines, running_lines
from nagare.tui.diagnosis_asks import DiagnosisAsks
from nagare.tui.export import file_name
from nagare.tui.keymap import bindings_for
from nagare.tui.location import Location, Window
from nagare.tui.renderables.time_axis import local_time
from nagare.tui.screens.polled_page import Lists, PolledPage
from nagare.tui.widgets.answer_view import AnswerView
from nagare.tui.widgets.filter_bar import FilterBar
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.widgets.question_line import QuestionLine
from nagare.tui.widgets.tab_bar import TabBar
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.wire.diagnosis import DiagnosisView, EvidenceView

# More than anybody reads, and no load for a server that is asked again and again.
_MOST = 100
# The row of what is being made.
_RUNNING = "running"


class DiagnosePage(DiagnosisAsks, PolledPage):
    """The list of diagnoses, and the one that is open."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "diagnoses")
    BINDINGS = bindings_for(contexts)
    columns = DIAGNOSIS_COLUMNS
    lists: ClassVar[Lists] = ()
    # Most of what happens has to do with no diagnosis.
    asks_after_events: ClassVar[bool] = False
    DEFAULT_CSS = """
    DiagnosePage TabBar { display: none; }
    DiagnosePage #panels { height: 1fr; }
    DiagnosePage #main { width: 1fr; height: 1fr; }
    DiagnosePage #found { width: 1fr; height: 1fr; display: none; }
    DiagnosePage.-open #found { display: block; }
    DiagnosePage.-open #main { display: none; }
    DiagnosePage AnswerView { height: 3fr; width: 1fr; }
    DiagnosePage #evidence {
        height: 2fr; width: 1fr; border-top: solid $nagare-faint;
        &:focus { border-top: heavy $foreground; }
    }
    DiagnosePage.-wide #main, DiagnosePage.-huge #main { display: block; width: 46; }
    DiagnosePage.-wide #found, DiagnosePage.-huge #found { display: block; }
    DiagnosePage.-huge #main { width: 54; }
    DiagnosePage.-huge #found { layout: horizontal; }
    DiagnosePage.-huge AnswerView, DiagnosePage.-huge #evidence { height: 1fr; }
    """

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._view: DiagnosisView | None = None
        self._gone = ""
        # What was found while another page was shown.
        self._unseen = ""
        self._paint_timer: Timer | None = None

    def body(self) -> Iterable[Widget]:
        """Return list, answer and evidence, and the lines in which one types."""
        yield TabBar()
        with Horizontal(id="panels"):
            with Container(id="main"):
                yield LiveTable(self.columns, clock=self.top.clock, id="items")
            with Container(id="found"):
                yield AnswerView(id="answer")
                yield LiveTable(EVIDENCE_COLUMNS, clock=self.top.clock, id="evidence")
        yield QuestionLine()
        yield FilterBar()

    def on_mount(self) -> None:
        """Name the lists."""
        self.items_table().border_title = "Diagnoses"
        evidence = self._evidence
        evidence.border_title = "Evidence: Enter opens its place"
        evidence.leave_out("order")
        evidence.sort_by("order", reverse=False)

    @property
    def _evidence(self) -> LiveTable:
        return self.query_one("#evidence", LiveTable)

    @property
    def _answer(self) -> AnswerView:
        return self.query_one(AnswerView)

    def table(self) -> LiveTable:
        """Return the evidence while it has the keys, else the list."""
        found = self._evidence
        return found if found.has_focus else self.items_table()

    @property
    def window(self) -> Window:
        """The time that is asked about."""
        window = self.location.window
        return replace(self._usual if window.is_fitted else window, end_ms=window.moment_ms, at_ms=None)

    @property
    def view(self) -> DiagnosisView | None:
        """The diagnosis that is open."""
        return None if self._is_watching else self._view

    @property
    def _is_open(self) -> bool:
        return self._is_watching or bool(self.location.diagnosis)

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb, down to what is open."""
        crumbs = (("diagnose", "screen.diagnose"),)
        if self._under_way is not None and self._is_watching:
            return (*crumbs, (self._under_way.about[:40], ""))
        view = self.view
        return (*crumbs, (about_text(view.host, view.alert)[:40], "")) if view is not None else crumbs

    # The list

    async def fetch_items(self) -> dict[str, Any]:
        """Return the newest diagnoses."""
        return {one.id: one for one in await self.top.source.diagnoses().diagnoses(_MOST)}

    def shown_items(self) -> Mapping[str, Any]:
        """Return them, and before them what is being made."""
        return self._items if self._under_way is None else {_RUNNING: self._under_way, **self._items}

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of a diagnosis."""
        return diagnosis_row(item, now_ms), diagnosis_labels(item)

    def moves(self, item: Any) -> bool:  # noqa: ARG002  what is kept stays as it is
        """Tell that none is the reason to ask again soon."""
        return False

    def nothing(self) -> str:
        """Say how to ask."""
        return "nothing was diagnosed yet: D begins one"

    def to_diagnose(self) -> tuple[str, str] | None:
        """Return what the open diagnosis is of, else the whole fleet."""
        view = self.view
        if view is None:
            return "", ""
        return ("", view.alert) if view.alert else (view.host, "")

    def show_answer(self, view: DiagnosisView) -> None:
        """Open what was found, where it was waited for, and ask for the list anew."""
        self._wanted_row = view.id
        self.ask_anew()
        if self.top.page is not self:
            self._is_watching, self._unseen = False, view.id
        elif self._is_watching:
            self._is_watching, self._view = False, view
            self.set_location(diagnosis=view.id)

    def take_view(self, view: DiagnosisView) -> None:
        """Show a diagnosis as it is now."""
        if self._view is not None and self._view.id == view.id:
            self._view = view
        self.ask_anew()
        self.redraw()

    # What is open

    def show(self, location: Location) -> None:
        """Open the diagnosis of ``location``, else what is being made, or what came of it while another page was shown."""
        if self._unseen and not location.diagnosis:
            location = replace(location, diagnosis=self._unseen)
        self._unseen = ""
        self._is_watching = not location.diagnosis and (self._under_way is not None or self._fault is not None)
        super().show(location)
        self._open()

    def _open(self) -> None:
        wanted = self.location.diagnosis
        self._gone = ""
        if not wanted:
            self._view = None
        elif self._view is None or self._view.id != wanted:
            self._view = None
            start_work(self, partial(self._load, wanted), "open")

    async def _load(self, wanted: str) -> None:
        try:
            view = await self.top.source.diagnoses().diagnosis(wanted)
        except NagareError as error:
            if self.location.diagnosis == wanted:
                self._gone = plain(f"{error.message}; {error.hint}" if error.hint else error.message)
        else:
            if self.location.diagnosis == wanted:
                self._view = view
        self.redraw()

    async def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Open the diagnosis, or go where the evidence leads."""
        if message.table is self._evidence:
            piece = self.chosen_evidence()
            if piece is not None:
                await self.open_evidence(piece)
            return
        self._is_watching = message.key == _RUNNING
        self.set_location(diagnosis="" if self._is_watching else message.key)
        self._open()
        self.redraw()
        self._answer.focus()

    def chosen_evidence(self) -> EvidenceView | None:
        """Return the piece of evidence under the cursor."""
        view, found = self.view, self._evidence
        return next((one for one in view.evidence if one.id == found.cursor_key), None) if view is not None else None

    # Drawing

    def draw_soon(self) -> None:
        """Have it painted when the next frame is due."""
        if self._paint_timer is None and self.is_ready:
            self._paint_timer = self.set_timer(1 / self.top.settings.top.frames_per_second, self._paint)

    def _paint(self) -> None:
        self._paint_timer = None
        self.redraw()

    def redraw(self) -> None:
        """Draw list, answer and evidence."""
        super().redraw()
        if not self.is_ready or self.find_part(AnswerView) is None:
            return
        self.set_class(self._is_open, "-open")
        now_ms, view = self.top.clock.now_ms(), self.view
        title, lines = self._told(now_ms)
        self._answer.tell(title, lines, has_more=self.is_watched or self._is_loading)
        evidence = self._evidence
        evidence.store.replace({} if view is None else evidence_rows(view, now_ms, self.top.zone))
        evidence.empty_text = self._why_no_evidence()
        evidence.sync()
        if self.top.page is self:
            self.top.refresh_frame()

    @property
    def _is_loading(self) -> bool:
        return bool(self.location.diagnosis) and self._view is None and not self._gone and not self._is_watching

    def _told(self, now_ms: int) -> tuple[str, list[Line]]:
        if self._is_watching and self._under_way is not None:
            return "Looking into it", list(running_lines(self._under_way, now_ms))
        if self._is_watching and self._fault is not None:
            return "No answer", list(failed_lines(self._fault))
        view = self.view
        if view is not None:
            return "Answer", list(answer_lines(view, now_ms, self.top.zone))
        if self._gone:
            return "Answer", [Line("", self._gone, "unknown", "strong")]
        return "Answer", [] if self._is_loading else [Line("", "Enter opens a diagnosis, D asks for one", look="muted")]

    def _why_no_evidence(self) -> str:
        if self.view is not None:
            return "this diagnosis has no evidence: nothing looked bad"
        return "it comes with the answer" if self.is_watched else "no diagnosis is open"

    # What a person does

    def can(self, action: str) -> bool:
        """Cancel what is being made."""
        if action == "diagnosis.stop":
            return self._under_way is not None
        return super().can(action)

    def take_focus(self) -> None:
        """Give the keys to the answer where it hides the list, else to the list."""
        if self.focused is None and self.is_ready and self.find_part(AnswerView) is not None:
            (self._answer if self._is_open else self.items_table()).focus()

    def step_back(self) -> bool:
        """Cancel what is being made, then close what is open, then what lists do."""
        if self.is_watched:
            self.do_diagnosis_stop()
            return True
        if self._is_open:
            self._is_watching, self._fault, self._gone = False, None, ""
            self.set_location(diagnosis="")
            self._view = None
            self.redraw()
            self.items_table().focus()
            return True
        return super().step_back()

    def footer_hint(self) -> str:
        """Explain the question while it is typed."""
        line = self.find_part(QuestionLine)
        return QuestionLine.HINT if line is not None and line.is_typing else super().footer_hint()

    def do_diagnosis_ask(self) -> None:
        """Type a question."""
        self.query_one(QuestionLine).open()

    def on_question_line_asked(self, message: QuestionLine.Asked) -> None:
        """Ask it."""
        self.ask_in_words(message.text)

    def on_question_line_left(self) -> None:
        """Give the keys back."""
        self.set_focus(None)
        self.take_focus()

    def value_to_copy(self) -> str:
        """Return the piece of evidence that has the keys, else the open answer as Markdown."""
        piece = self.chosen_evidence() if self._evidence.has_focus else None
        if piece is not None:
            return evidence_text(piece)
        view = self.view
        return "\n".join(markdown_lines(view)) if view is not None else super().value_to_copy()

    async def do_export(self) -> None:
        """Write the open diagnosis to a Markdown file, or the list to a CSV file."""
        view = self.view
        if view is None or self.items_table().has_focus:
            await super().do_export()
            return
        moment = local_time(self.top.clock.now_ms(), self.top.zone)
        name = file_name(f"diagnosis-{view.id[:8]}", moment, "md")
        text = "\n".join([*markdown_lines(view), ""])
        self.run_worker(partial(self.write_export, name, text, "the diagnosis"), thread=True, group="export")
