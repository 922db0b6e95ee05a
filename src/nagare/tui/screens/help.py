"""The help screen: the keys of the page below it, its filter language, and what glyphs and colours mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import ClassVar

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from nagare.tui.actions import Action, actions_in
from nagare.tui.keymap import key_label, keys_of
from nagare.tui.renderables.chart_model import EventMark, MarkKind
from nagare.tui.renderables.event_marks import mark_look
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.screens.page import Page
from nagare.tui.widgets.filter_bar import FilterBar

_LEGEND = (
    ("up", "reports as it should"),
    ("warn", "deserves a look: fuller than 90 %, busy for half a minute, a failed unit or collector"),
    ("crit", "deserves it now: fuller than 97 %, a drive that fails its own test"),
    ("stale", "three reports are late; the values are the last ones known"),
    ("down", "twelve reports are late; no values are shown"),
    ("unknown", "registered, never heard"),
    ("info", "an event: something happened once"),
)
_JOB_LEGEND = (
    ("pending", "waits for whom its risk asks"),
    ("approved", "may run, and waits for its turn"),
    ("queued", "signed, and waits for the host"),
    ("sent", "went out; the host may or may not have it"),
    ("started", "runs on the host"),
    ("done", "ended well"),
    ("failed", "was refused, or ended badly: the reason says which"),
    ("cancelled", "somebody ended it, or it never began"),
    ("expired", "its time ran out before it began"),
    ("lost", "began, or may have begun, and nobody can say how it ended"),
)
_ALERT_LEGEND = (
    ("crit", "critical: somebody is needed now"),
    ("high", "high: somebody is needed soon"),
    ("warn", "a warning"),
    ("info", "for who wants to know"),
    ("firing", "true now, and nobody has it in hand"),
    ("again", "fired again soon after it was resolved"),
    ("ack", "somebody has it in hand"),
    ("resolved", "not true any more"),
    ("closed", "history: what comes now is another alert"),
)
_NOTICE_LEGEND = (
    ("firing", "an incident that nobody has in hand"),
    ("open", "an incident that is in hand, or of which something holds people back"),
    ("resolved", "an incident that is over"),
    ("dead", "a notification that reached nobody, and is not tried any more"),
    ("waiting", "it is tried, or waits for the next try"),
    ("sent", "its channel took it"),
    ("dropped", "given up by somebody, or because its channel is gone"),
)


class HelpScreen(ModalScreen[None]):
    """Everything that can be done on one page, as the action table says."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,f1,q", "dismiss", show=False)]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 84; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $primary; border-title-color: $foreground; padding: 0 2;
    }
    """

    def __init__(self, page: Page) -> None:
        """Explain ``page``."""
        super().__init__()
        self._page = page

    def compose(self) -> ComposeResult:
        """Show keys, then the filter's language, then the legend."""
        palette, own = self._page.top.palette, self._page.top.own_keys
        with VerticalScroll() as box:
            box.border_title = " Keys "
            box.border_subtitle = " Esc closes "
            yield Static(keys_table(help_actions(self._page.contexts), palette, own))
            yield Static(_filter_text(palette))
            legend = next((held for context, held in _LEGENDS.items() if context in self._page.contexts), _LEGEND)
            yield Static(_legend_table(palette, legend, has_scale=legend is _LEGEND))
            if "chart" in self._page.contexts:
                yield Static(_marks_table(palette))

    def on_mount(self) -> None:
        """Take the keys, so that arrows scroll."""
        self.query_one(VerticalScroll).focus()


def help_actions(contexts: Sequence[str]) -> list[Action]:
    """Return the actions that are explained on a page of these contexts."""
    return [action for action in actions_in(("app", *contexts)) if action.keys]


def keys_table(actions: list[Action], palette: Palette, own: Mapping[str, str]) -> Table:
    """Return the keys by group."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    heading = make_style(palette.foreground, bold=True)
    ordered = sorted(actions, key=lambda action: _GROUPS.index(action.group))
    for group, held in groupby(ordered, key=lambda action: action.group):
        table.add_row("", Text(group, heading), "")
        for action in held:
            keys = " ".join(key_label(key) for key in keys_of(action, own))
            table.add_row(
                Text(keys, make_style(palette.accent, bold=True)), action.label, Text(action.tooltip, _muted(palette))
            )
    return table


_DIAGNOSIS_LEGEND = (
    ("ok", "nothing is wrong that could be seen"),
    ("warn", "the worst likely finding, or open alert, is a warning"),
    ("crit", "the worst is high or critical"),
    ("unknown", "it could not be told, or no cause could be shown"),
    ("started", "it is being made"),
    ("dropped", "a claim that did not hold, and was struck out"),
    ("stale", "an answer about how things were"),
)
_NETWORK_LEGEND = (
    ("up", "a host that reports, a target that answers, a thing of which a host is heard"),
    ("slow", "a link that takes half a second or more, or loses one try in twenty"),
    ("warn", "deserves a look; a target that some probes do not reach; half of who hangs on a thing is down"),
    ("crit", "a host that deserves it now"),
    ("stale", "three reports are late; a link whose host is silent"),
    ("down", "silent, or no answer; a thing on which every host is down, and nothing else explains it"),
    ("unknown", "nothing tells of it"),
)
_LEGENDS = {
    "network": _NETWORK_LEGEND,
    "diagnoses": _DIAGNOSIS_LEGEND,
    "jobs": _JOB_LEGEND,
    "alerts": _ALERT_LEGEND,
    "notices": _NOTICE_LEGEND,
    "incidents": _NOTICE_LEGEND,
}
_GROUPS = (
    "Screens",
    "Shells",
    "Alerts",
    "Diagnosis",
    "Commands",
    "Lists",
    "Fleet",
    "Host",
    "Query",
    "Network",
    "Time",
    "Panels",
    "Take away",
    "Connection",
)


def _muted(palette: Palette) -> Style:
    return make_style(palette.muted)


def _filter_text(palette: Palette) -> Text:
    text = Text("\n")
    text.append("Filter  ", make_style(palette.foreground, bold=True))
    text.append(FilterBar.HINT.split("  ")[0], _muted(palette))
    return text


_MARKS = (
    (EventMark(0, "crit", MarkKind.ALERT), "an alert fired; others of how bad it is, taken in hand, over"),
    (
        EventMark(0, "info", MarkKind.CHANGE),
        "a change: a deploy, a release, a restart, or what somebody set in this installation",
    ),
    (EventMark(0, "started", MarkKind.COMMAND), "a command began, or ended badly"),
    (
        EventMark(0, "dropped", MarkKind.GAP),
        "no rows came in time from here on: down _, dropped x, buffered ~, thinned :, late ?",
    ),
    (EventMark(0, "info", MarkKind.EVENT), "something else happened"),
)


def _marks_table(palette: Palette) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("", Text("Marks on charts", make_style(palette.foreground, bold=True)), "")
    for mark, meaning in _MARKS:
        glyph, style = mark_look(mark, palette)
        table.add_row(Text(glyph, style), Text(mark.kind.value, style), Text(meaning, _muted(palette)))
    several = "so many in one column, + for ten or more: the crosshair tells the first, Enter lets you choose"
    table.add_row(Text("2", make_style(bold=True)), Text("several"), Text(several, _muted(palette)))
    return table


def _legend_table(palette: Palette, legend: Sequence[tuple[str, str]], *, has_scale: bool) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("", Text("Colours and glyphs", make_style(palette.foreground, bold=True)), "")
    for name, meaning in legend:
        look = palette.state(name)
        table.add_row(Text(look.glyph, look.style), Text(look.word, look.style), Text(meaning, _muted(palette)))
    if not has_scale:
        return table
    scale = Text()
    for step in range(8):
        scale.append(palette.glyphs.cell, make_style(palette.ratio_colour(step / 7)))
    table.add_row("", scale, Text("load, from idle to full: brightness rises with it", _muted(palette)))
    return table
