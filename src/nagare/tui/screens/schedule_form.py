"""The form of a schedule: each field checked as it is typed by the rules of the server, and its next moments below."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, Static

from nagare.errors import InputError
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.tui.automation.draft import (
    Field,
    ScheduleDraft,
    fault_of,
    fields_of,
    moments_told,
    next_moments,
    told_of,
)
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.form_fields import FormFields

_MOMENTS = 3
# What is typed into one of them is told of by the other as well.
_WITH = {"kind": "arguments"}
_OF_MOMENTS = frozenset({"cron", "zone"})


class ScheduleForm(ModalScreen[ScheduleDraft | None]):
    """Returns the draft once every field is right, None when it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]
    DEFAULT_CSS = """
    ScheduleForm { align: center middle; }
    ScheduleForm > Vertical {
        width: 100; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $primary; border-title-color: $foreground; padding: 0 1;
    }
    ScheduleForm FormFields { height: auto; max-height: 100%; scrollbar-size: 1 1; }
    ScheduleForm Horizontal { height: 1; }
    ScheduleForm Label { width: 10; color: $nagare-muted; }
    ScheduleForm Input { border: none; padding: 0 1; height: 1; width: 1fr; background: $panel; }
    ScheduleForm .told { height: auto; max-height: 2; padding: 0 0 0 11; color: $nagare-muted; }
    ScheduleForm .told.-wrong { color: $warning; text-style: bold; }
    ScheduleForm #bottom { height: auto; dock: bottom; background: $surface; }
    ScheduleForm #moments { height: auto; color: $foreground; }
    ScheduleForm #said { color: $warning; text-style: bold; height: auto; }
    """

    def __init__(self, draft: ScheduleDraft, clock: Clock, said: str = "") -> None:
        """Begin with ``draft``; ``said`` is why it came back."""
        super().__init__()
        self._draft = draft
        self._clock = clock
        self._said = said
        self._fields = fields_of(draft)
        self._touched: set[str] = {name for name, text in draft.texts.items() if text}

    def compose(self) -> ComposeResult:
        """Put a label, a field and a line that tells about it, for each; below them the moments."""
        with Vertical() as box:
            box.border_title = " New schedule "
            box.border_subtitle = find_palette(self).text(" Enter shows it whole · Tab next field · Esc leaves ")
            with FormFields():
                for one in self._fields:
                    with Horizontal():
                        yield Label(one.label)
                        yield self._input(one)
                    yield Static(classes="told", id=f"told-{one.id}", markup=False)
            with Vertical(id="bottom"):
                yield Static("", id="moments", markup=False)
                yield Static(plain(self._said, 500), id="said", markup=False)

    def _input(self, one: Field) -> Input:
        needed = "needed" if one.id in ("name", "cron", "kind") else ""
        return Input(
            self._draft.texts.get(one.id, ""),
            placeholder=f"{one.usual} unless you say otherwise" if one.usual else needed,
            suggester=SuggestFromList(one.choices, case_sensitive=False) if one.choices else None,
            compact=True, id=f"field-{one.id}", max_length=4000, select_on_focus=False,
        )  # fmt: skip

    def on_mount(self) -> None:
        """Give the keys to the first field that is still to be filled in."""
        self.query_one("#said").display = bool(self._said)
        for one in self._fields:
            self._tell(one)
        self._tell_moments()
        first = next((one for one in self._fields if fault_of(self._draft, one.id)), self._fields[0])
        self._input_of(first).focus()

    def _input_of(self, one: Field) -> Input:
        return self.query_one(f"#field-{one.id}", Input)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Take what was typed, and say at once what is wrong with it and when it would come."""
        field_id = (event.input.id or "").removeprefix("field-")
        if event.value:
            self._touched.add(field_id)
        self._draft = ScheduleDraft(self._draft.kinds, self._draft.taken, {**self._draft.texts, field_id: event.value})
        for one in self._fields:
            if one.id in (field_id, _WITH.get(field_id)):
                self._tell(one)
        if field_id in _OF_MOMENTS:
            self._tell_moments()

    def _tell(self, one: Field, *, is_asked: bool = False) -> None:
        """Tell about a field: what is wrong once something was typed or it was asked for, else what it takes."""
        fault = fault_of(self._draft, one.id) if is_asked or one.id in self._touched else ""
        told = self.query_one(f"#told-{one.id}", Static)
        told.set_class(bool(fault), "-wrong")
        told.update(find_palette(self).text(plain(fault or told_of(self._draft, one), 300)))

    def _tell_moments(self) -> None:
        told = ""
        if self._draft.text("cron"):
            try:
                now_ms = self._clock.now_ms()
                moments = moments_told(next_moments(self._draft, now_ms, _MOMENTS), now_ms)
                told = "\n".join(f"{'next' if not place else 'then':9} {text}" for place, text in enumerate(moments))
            except InputError as error:
                told = plain(error.message, 200)
        self.query_one("#moments", Static).update(
            find_palette(self).text(told or "next      when it comes stands here")
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Return the draft, or go to the first field that is wrong and say why."""
        event.stop()
        wrong = next((one for one in self._fields if fault_of(self._draft, one.id)), None)
        if wrong is not None:
            self._tell(wrong, is_asked=True)
            self._input_of(wrong).focus()
            return
        self.dismiss(self._draft)
