"""The choice of an action: all that the server knows, each with its risk, narrowed by typing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from nagare.lib.plain_text import plain
from nagare.tui.renderables.cell_text import cut, fit
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.theme import find_palette

if TYPE_CHECKING:
    from nagare.tui.actions import Action
    from nagare.wire.command_jobs import ActionView

_NAME_WIDTH, _RISK_WIDTH = 20, 14
_WIDTH, _FRAME_CELLS = 100, 6
# Before the ids of verbs: no name of an action has a blank.
_VERB = "do "
# How a risk looks: the more it takes, the more it stands out.
_RISK_STATES = {"none": "up", "self-confirm": "warn", "second-person": "pending"}


class ActionChoice(ModalScreen["ActionView | str | None"]):
    """Returns the chosen action, the id of the chosen verb of our own, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("down", "step(1)", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    ActionChoice { align: center middle; }
    ActionChoice > Vertical {
        width: 100; max-width: 100%; height: 80%; max-height: 30; min-height: 8;
        background: $surface; border: round $primary; border-title-color: $foreground; padding: 0 1;
    }
    ActionChoice Input { border: none; padding: 0 1; height: 1; background: $panel; }
    ActionChoice OptionList { border: none; height: 1fr; background: $surface; padding: 0; scrollbar-size: 1 1; }
    ActionChoice #said { height: auto; color: $nagare-muted; }
    """

    def __init__(self, actions: Sequence[ActionView], targets: str, verbs: Sequence[Action] = ()) -> None:
        """Offer ``actions`` for ``targets``, and below them ``verbs`` of our own that run nothing on a host."""
        super().__init__()
        self._verbs = {f"{_VERB}{verb.id}": verb for verb in verbs}
        self._actions = sorted(actions, key=lambda action: (not action.may_run, action.name))
        self._targets = targets

    def compose(self) -> ComposeResult:
        """Put the field above the list."""
        palette = find_palette(self)
        with Vertical() as box:
            on = f" on {plain(self._targets, 40)}" if self._targets else ""
            box.border_title = Content(palette.text(f" Run an action{on} "))
            box.border_subtitle = palette.text(" Enter goes on · Esc leaves ")
            yield Input(placeholder="type a part of its name or of what it does", compact=True)
            yield OptionList(compact=True)
            yield Static("", id="said", markup=False)

    def on_mount(self) -> None:
        """List all and take the keys."""
        self._list("")
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        self._list(event.value)

    def _list(self, text: str) -> None:
        words = text.casefold().split()
        found = [
            action for action in self._actions
            if all(word in f"{action.name} {action.title} {action.risk}".casefold() for word in words)
        ]  # fmt: skip
        options, palette = self.query_one(OptionList), find_palette(self)
        options.clear_options()
        room = min(_WIDTH, self.app.size.width) - _FRAME_CELLS
        options.add_options([Option(_line(action, palette, room), id=action.name) for action in found])
        own = {
            key: verb for key, verb in self._verbs.items()
            if all(word in f"{verb.label} {verb.tooltip}".casefold() for word in words)
        }  # fmt: skip
        options.add_options([Option(_verb_line(verb, palette, room), id=key) for key, verb in own.items()])
        options.highlighted = 0 if found or own else None
        self._tell(f"no action matches; {len(self._actions)} are known" if not (found or own) else "")

    def _tell(self, text: str) -> None:
        self.query_one("#said", Static).update(text)

    def action_step(self, way: int) -> None:
        """Move in the list while the field keeps the keys."""
        options = self.query_one(OptionList)
        if options.option_count:
            options.highlighted = max(0, min(options.option_count - 1, (options.highlighted or 0) + way))

    def on_input_submitted(self) -> None:
        """Choose what is highlighted."""
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self._choose(options.get_option_at_index(options.highlighted).id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose what was clicked."""
        self._choose(event.option.id)

    def _choose(self, name: str | None) -> None:
        if name in self._verbs:
            self.dismiss(self._verbs[name].id)
            return
        action = next(action for action in self._actions if action.name == name)
        if action.may_run:
            self.dismiss(action)
            return
        self._tell(f"your role may not run {plain(action.name)}: it takes the capability {plain(action.capability)}")


def _verb_line(verb: Action, palette: Palette, room: int) -> Text:
    mark = palette.glyphs.more
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(fit(palette.text(verb.label), _NAME_WIDTH, mark) + " ", make_style(palette.foreground, bold=True))
    line.append(fit("", _RISK_WIDTH, mark) + " ")
    line.append(cut(palette.text(verb.tooltip), room - _NAME_WIDTH - _RISK_WIDTH - 2, mark), make_style(palette.muted))
    return line


def _line(action: ActionView, palette: Palette, room: int) -> Text:
    look = palette.state(_RISK_STATES.get(action.risk, "unknown"))
    muted = make_style(palette.muted)
    name = make_style(palette.muted if not action.may_run else palette.foreground, bold=action.may_run)
    mark = palette.glyphs.more
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(fit(palette.text(plain(action.name)), _NAME_WIDTH, mark) + " ", name)
    line.append(fit(plain(action.risk), _RISK_WIDTH, mark) + " ", look.style if action.may_run else muted)
    title = palette.text(plain(action.title)) + (" (not for your role)" if not action.may_run else "")
    line.append(cut(title, room - _NAME_WIDTH - _RISK_WIDTH - 2, mark), muted)
    return line
