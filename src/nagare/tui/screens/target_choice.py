"""The choice of hosts for a command: hosts, groups and labels, narrowed by typing, and which hosts those that are marked mean.

What is shown is what this screen knows. Which hosts it will be says the plan, for which the server is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from nagare.lib.plain_text import plain
from nagare.tui.jobs.draft import EVERY
from nagare.tui.jobs.target_rows import Fleet, TargetRow, hosts_meant, matching, rows_of
from nagare.tui.renderables.cell_text import cut, fit
from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette

_WIDTH, _FRAME_CELLS = 100, 6
_KIND_WIDTH, _COUNT_WIDTH, _MARK_WIDTH = 10, 9, 4
# Beyond it one types.
_SHOWN = 200
_NAMED = 30


class TargetChoice(ModalScreen["str | None"]):
    """Returns what is marked as the form takes it, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("down", "step(1)", show=False, priority=True),
        Binding("tab", "mark", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    TargetChoice { align: center middle; }
    TargetChoice > Vertical {
        width: 100; max-width: 100%; height: 80%; max-height: 30; min-height: 8;
        background: $surface; border: round $primary; border-title-color: $foreground; padding: 0 1;
    }
    TargetChoice Input { border: none; padding: 0 1; height: 1; background: $panel; }
    TargetChoice OptionList { border: none; height: 1fr; background: $surface; padding: 0; scrollbar-size: 1 1; }
    TargetChoice #meant { height: auto; max-height: 4; color: $nagare-muted; }
    """

    def __init__(self, fleet: Fleet, chosen: Sequence[str]) -> None:
        """Offer ``fleet``, with the words ``chosen`` marked."""
        super().__init__()
        self._fleet = fleet
        self._marked = dict.fromkeys(chosen)
        rows = rows_of(fleet)
        known = {row.word for row in rows}
        self._rows = [*(TargetRow(word, "typed", 0) for word in chosen if word not in known), *rows]

    def compose(self) -> ComposeResult:
        """Put the field above the list, and what is meant below it."""
        palette = find_palette(self)
        with Vertical() as box:
            box.border_title = " Choose hosts "
            box.border_subtitle = palette.text(" Tab marks · Enter takes · Esc leaves ")
            yield Input(placeholder="type a part of a host, @group or label", compact=True)
            yield OptionList(compact=True)
            yield Static("", id="meant", markup=False)

    def on_mount(self) -> None:
        """List all and take the keys."""
        self._list("")
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        self._list(event.value)

    def _list(self, text: str, highlighted: int = 0) -> None:
        found = matching(self._rows, text)[:_SHOWN]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(self._line(row), id=str(self._rows.index(row))) for row in found])
        options.highlighted = min(highlighted, len(found) - 1) if found else None
        self._tell()

    def _line(self, row: TargetRow) -> Text:
        palette = find_palette(self)
        room = min(_WIDTH, self.app.size.width) - _FRAME_CELLS
        width = max(8, room - _MARK_WIDTH - _KIND_WIDTH - _COUNT_WIDTH - 2)
        muted = make_style(palette.muted)
        is_marked = row.word in self._marked
        line = Text(no_wrap=True)
        line.append("[x] " if is_marked else "[ ] ", make_style(palette.foreground, bold=is_marked))
        line.append(
            fit(palette.text(plain(row.word)), width, palette.glyphs.more) + " ", make_style(palette.foreground)
        )
        line.append(fit(row.kind, _KIND_WIDTH, palette.glyphs.more) + " ", muted)
        line.append(f"{_count(row.count):>{_COUNT_WIDTH}}" if row.kind != "typed" else "", muted)
        return line

    def _tell(self) -> None:
        palette = find_palette(self)
        words = list(self._marked) or self._highlighted()
        meant = hosts_meant(words, self._fleet)
        named = ", ".join(map(plain, meant[:_NAMED])) + (
            f" and {len(meant) - _NAMED} more" if len(meant) > _NAMED else ""
        )
        lead = f"{_count(len(meant))}: {named}" if meant else "no known host: the server may know more"
        room = (min(_WIDTH, self.app.size.width) - _FRAME_CELLS) * 3
        self.query_one("#meant", Static).update(palette.text(cut(lead, room, palette.glyphs.more)))

    def _highlighted(self) -> list[str]:
        options = self.query_one(OptionList)
        if options.highlighted is None:
            return []
        return [self._rows[int(options.get_option_at_index(options.highlighted).id or 0)].word]

    def on_option_list_option_highlighted(self) -> None:
        """Say what that would mean."""
        self._tell()

    def action_step(self, way: int) -> None:
        """Move in the list while the field keeps the keys."""
        options = self.query_one(OptionList)
        if options.option_count:
            options.highlighted = max(0, min(options.option_count - 1, (options.highlighted or 0) + way))

    def action_mark(self) -> None:
        """Mark what is highlighted, or take its mark away; every host is chosen alone."""
        for word in self._highlighted():
            if word in self._marked:
                del self._marked[word]
            elif word == EVERY or EVERY in self._marked:
                self._marked = {word: None}
            else:
                self._marked[word] = None
        self._list(self.query_one(Input).value, self.query_one(OptionList).highlighted or 0)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what is marked, else what is highlighted."""
        event.stop()
        words = list(self._marked) or self._highlighted()
        if words:
            self.dismiss(" ".join(words))

    def on_option_list_option_selected(self) -> None:
        """Mark what was clicked."""
        self.action_mark()


def _count(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"
