"""The form of a silence: which alerts, how long, why; it counts at every letter what it would keep quiet now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from nagare.errors import InputError
from nagare.lib.plain_text import plain
from nagare.tui.alerts.rows import host_of
from nagare.tui.alerts.silence_draft import Choice, SilenceDraft, matching, request_of
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.matcher_list import MatcherList

if TYPE_CHECKING:
    from nagare.wire.alerts import AlertView

_NAMED = 4
_FIELDS = (
    ("further", "and", "further matchers: team=db mount=~/srv/.*"),
    ("lasts", "for", "30m, 2h, 3d"),
    ("reason", "why", "why nobody need be told"),
    ("idle", "or unused for", "ends early when nothing matched for so long: 30m"),
)


class SilenceForm(ModalScreen[SilenceDraft | None]):
    """Returns the draft once it is right, None when it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("enter", "submit", show=False),
    ]
    DEFAULT_CSS = """
    SilenceForm { align: center middle; }
    SilenceForm > Vertical {
        width: 90; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $primary; border-title-color: $foreground; padding: 0 1;
    }
    SilenceForm VerticalScroll { height: auto; max-height: 100%; min-height: 1; scrollbar-size: 1 1; }
    SilenceForm Horizontal { height: 1; }
    SilenceForm Label { width: 15; color: $nagare-muted; }
    SilenceForm Input { border: none; padding: 0 1; height: 1; width: 1fr; background: $panel; }
    SilenceForm #fields { height: auto; dock: bottom; background: $surface; }
    SilenceForm #told { height: 2; color: $nagare-muted; }
    SilenceForm #told.-wrong { color: $warning; text-style: bold; }
    """

    def __init__(
        self, choices: Sequence[Choice], alerts: Mapping[str, AlertView], draft: SilenceDraft, said: str = ""
    ) -> None:
        """Offer ``choices`` and begin with ``draft``; ``alerts`` are the active ones, ``said`` is why it came back."""
        super().__init__()
        self._choices = choices
        self._begun = draft
        self._alerts = alerts
        self._said = said

    def compose(self) -> ComposeResult:
        """Put matchers above the fields."""
        palette = find_palette(self)
        with Vertical() as box:
            box.border_title = " Silence "
            box.border_subtitle = palette.text(" Space switches · Tab next field · Enter makes it · Esc leaves ")
            with VerticalScroll(can_focus=False):
                yield MatcherList(self._choices)
            with Vertical(id="fields"):
                for name, label, hint in _FIELDS:
                    with Horizontal():
                        yield Label(label)
                        value = str(getattr(self._begun, name))
                        yield Input(
                            value, placeholder=hint, compact=True, id=name, max_length=500, select_on_focus=False
                        )
                yield Static("", id="told", markup=False)

    def on_mount(self) -> None:
        """Give the keys to the reason, which nobody else can know; without labels to the matchers."""
        self.query_one("#reason" if self._choices else "#further", Input).focus()
        self._begun = self.draft()
        self._tell()

    def draft(self) -> SilenceDraft:
        """Return what stands in the form."""
        texts = {name: self.query_one(f"#{name}", Input).value for name, _, _ in _FIELDS}
        return SilenceDraft(self.query_one(MatcherList).chosen, **texts)

    def on_input_changed(self) -> None:
        """Count anew."""
        self._tell()

    def on_matcher_list_changed(self) -> None:
        """Count anew."""
        self._tell()

    def _tell(self, fault: str = "") -> None:
        told, draft = self.query_one("#told", Static), self.draft()
        # Why it came back stands until something else is written.
        text = fault = fault or (self._said if draft == self._begun else "")
        if not fault:
            try:
                text = self._count(matching(draft, self._alerts.values()))
            except InputError as error:
                text = fault = error.message
        told.set_class(bool(fault), "-wrong")
        told.update(find_palette(self).text(plain(text, 300)))

    def _count(self, found: Sequence[AlertView]) -> str:
        if not found:
            return f"matches none of the {len(self._alerts)} active alerts now"
        names = [f"{alert.name} {host_of(alert)}".strip() for alert in found[:_NAMED]]
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        return f"matches {len(found)} of {len(self._alerts)} active alerts now: {', '.join(names)}{more}"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Make it."""
        event.stop()
        self.action_submit()

    def action_submit(self) -> None:
        """Return the draft, or say what is wrong."""
        draft = self.draft()
        try:
            request_of(draft)
        except InputError as error:
            self._tell(plain(error.message))
            return
        self.dismiss(draft)
