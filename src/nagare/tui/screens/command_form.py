"""The form of one action: hosts, arguments and pace, each checked as it is typed by the rules that the server has, too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, Static

from nagare.lib.plain_text import plain
from nagare.tui.jobs.draft import Draft, Field, fault_of, fields_of
from nagare.tui.jobs.target_rows import Fleet
from nagare.tui.renderables.cell_text import cut
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.form_fields import FormFields
from nagare.tui.work import start_work

_LABEL_WIDTH = 13
_WIDTH, _FRAME_CELLS = 100, 8


class CommandForm(ModalScreen["Draft | None"]):
    """Returns the draft once every field is right, None when it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("f2", "choose_hosts", show=False),
    ]
    DEFAULT_CSS = """
    CommandForm { align: center middle; }
    CommandForm > Vertical {
        width: 100; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $primary; border-title-color: $foreground; padding: 0 1;
    }
    CommandForm FormFields { height: auto; max-height: 100%; scrollbar-size: 1 1; }
    CommandForm Horizontal { height: 1; }
    CommandForm Label { width: 13; color: $nagare-muted; }
    CommandForm Input { border: none; padding: 0 1; height: 1; width: 1fr; background: $panel; }
    CommandForm .told { height: 1; padding: 0 0 0 13; color: $nagare-muted; }
    CommandForm .told.-wrong { color: $warning; text-style: bold; }
    CommandForm #said { color: $warning; text-style: bold; height: auto; dock: bottom; background: $surface; }
    """

    def __init__(self, draft: Draft, find_fleet: Callable[[], Awaitable[Fleet]], said: str = "") -> None:
        """Begin with ``draft``; ``find_fleet`` tells what can be chosen, and ``said`` is why it came back."""
        super().__init__()
        self._find_fleet = find_fleet
        self._draft = draft
        self._said = said
        self._fields = fields_of(draft.action)
        self._touched: set[str] = {field.id for field in self._fields if draft.text(field.id)}

    def compose(self) -> ComposeResult:
        """Put a label, a field and a line that tells about it, for each."""
        action, palette = self._draft.action, find_palette(self)
        with Vertical() as box:
            title = f" {plain(action.name)}: {plain(action.title)} ({plain(action.risk)}) "
            # Cut here: the frame would cut it with a character that not every terminal has.
            room = min(_WIDTH, self.app.size.width) - _FRAME_CELLS
            box.border_title = Content(cut(palette.text(title), room, palette.glyphs.more))
            box.border_subtitle = palette.text(" Enter shows the plan · F2 hosts · Esc back ")
            with FormFields():
                for field in self._fields:
                    with Horizontal():
                        yield Label(Text(palette.text(plain(field.label, _LABEL_WIDTH - 1))))
                        yield self._input(field)
                    yield Static(classes="told", id=f"told-{field.id}", markup=False)
            yield Static(self._said, id="said", markup=False)

    def _input(self, field: Field) -> Input:
        usual = f"{field.usual} unless you say otherwise" if field.usual else ""
        return Input(
            self._draft.texts.get(field.id, ""),
            placeholder=usual or ("" if field.is_optional else "needed"),
            password=field.is_secret,
            suggester=SuggestFromList(field.choices, case_sensitive=False) if field.choices else None,
            compact=True,
            id=f"field-{field.id}",
            select_on_focus=False,
        )

    def on_mount(self) -> None:
        """Give the keys to the first field that is still to be filled in."""
        self.query_one("#said").display = bool(self._said)
        for field in self._fields:
            self._tell(field)
        last = next(field for field in self._fields if field.id == _OWN_WORDS)
        first = next((field for field in self._fields if fault_of(self._draft, field.id)), last)
        self._input_of(first).focus()

    def action_choose_hosts(self) -> None:
        """Have hosts, groups and labels chosen from a list."""
        start_work(self, self._choose_hosts, "compose")

    async def _choose_hosts(self) -> None:
        from nagare.tui.screens.target_choice import TargetChoice  # noqa: PLC0415  loaded when shown

        targets = self.query_one("#field-targets", Input)
        chosen = await self.app.push_screen_wait(TargetChoice(await self._find_fleet(), targets.value.split()))
        if chosen is not None:
            targets.value = chosen
            targets.focus()

    def _input_of(self, field: Field) -> Input:
        return self.query_one(f"#field-{field.id}", Input)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Take what was typed, and say at once what is wrong with it."""
        field_id = (event.input.id or "").removeprefix("field-")
        self._touched.add(field_id)
        self._draft = Draft(self._draft.action, {**self._draft.texts, field_id: event.value})
        for field in self._fields:
            if field.id == field_id or {field.id, field_id} == {"targets", "query"}:
                self._tell(field)

    def _tell(self, field: Field, *, is_asked: bool = False) -> None:
        """Tell about a field: what is wrong once something was typed or it was asked for, else what it takes."""
        fault = fault_of(self._draft, field.id) if is_asked or field.id in self._touched else ""
        told = self.query_one(f"#told-{field.id}", Static)
        told.set_class(bool(fault), "-wrong")
        told.update(
            find_palette(self).text(plain(f"it {fault}" if fault.startswith(("has", "is")) else fault or field.hint))
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Return the draft, or go to the first field that is wrong and say why."""
        event.stop()
        wrong = next((field for field in self._fields if fault_of(self._draft, field.id)), None)
        if wrong is None:
            self.dismiss(self._draft)
            return
        self._tell(wrong, is_asked=True)
        self._input_of(wrong).focus()


# The first field behind the action's own.
_OWN_WORDS = "why"
