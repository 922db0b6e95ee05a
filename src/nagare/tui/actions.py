"""The action table: what a person can do, where, and by which keys.

Bindings, footer, help screen, command palette, mouse targets and the reference page are all made from it, so that
they cannot disagree. A behaviour that is not in the table can be neither bound nor shown. Nothing here runs anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Action:
    """One named verb. ``keys`` are Textual key names; none means that only palette and mouse reach it.

    ``where`` is the context it lives in; ``rank`` orders the footer, zero keeps it out of it.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    tooltip: str
    group: str
    where: str
    rank: int = 0

    @property
    def method(self) -> str:
        """The name of the method that does it: ``do_`` and the id."""
        return "do_" + self.id.replace(".", "_")


# Contexts by what they mean to a person. A list's, a grid's and a crosshair's keys are bound by the widget that has the
# focus; a chart's are bound by the page too, so that they work beside a chart. All others are bound by the page.
CONTEXTS: Mapping[str, str] = MappingProxyType(
    {
        "app": "everywhere",
        "host": "on one host",
        "list": "where a list is",
        "table": "in a list",
        "grid": "in the fleet's grid",
        "chart": "where charts are",
        "crosshair": "on a chart with a crosshair",
    }
)
WIDGET_CONTEXTS = frozenset({"table", "grid", "crosshair"})

_TABLE = (
    Action("screen.overview", ("1",), "Overview", "is anything wrong, since when", "Screens", "app", 60),
    Action("screen.hosts", ("2",), "Hosts", "every host beside the others", "Screens", "app", 61),
    Action("screen.host", ("3",), "Host", "the host under the cursor, or the last one opened", "Screens", "app", 62),
    Action("jump", ("colon",), "Go to", "jump to a host or a screen by name", "Screens", "app", 50),
    Action("palette", ("ctrl+p",), "Palette", "find any action by name", "Screens", "app"),
    Action("help", ("question_mark", "f1"), "Help", "the keys of this screen and what the colours mean", "Screens", "app", 90),
    Action("back", ("escape",), "Back", "one step back: close, clear, leave; never quits", "Screens", "app", 70),
    Action("history.back", ("backspace",), "Previous", "the place shown before this one", "Screens", "app"),
    Action("quit", ("q", "ctrl+q"), "Quit", "leave; the server and the agent go on", "Screens", "app", 95),
    Action("panel.next", ("tab",), "Next panel", "move the keys to the next panel", "Panels", "app"),
    Action("panel.previous", ("shift+tab",), "Previous panel", "move the keys to the previous panel", "Panels", "app"),
    Action("retry", ("r",), "Retry now", "ask the server again without waiting", "Connection", "app", 5),
    Action("error.show", ("d",), "Error", "the whole text of the last error", "Connection", "app", 6),
    Action("copy", ("y",), "Copy", "copy the value under the cursor, else the address of this view", "Take away", "app"),
    Action("copy.rows", ("Y",), "Copy rows", "copy the rows that are shown, or the marked ones, as tab separated text", "Take away", "list"),
    Action("copy.location", (), "Copy address", "copy the address of this view: nagare top ADDRESS opens it again", "Take away", "app"),
    Action("export", ("e",), "Export", "write the rows that are shown, or the marked ones, to a CSV file here", "Take away", "list", 45),
    Action("theme.toggle", (), "Dark or light", "change between the dark and the light theme", "Screens", "app"),
    Action("filter", ("slash",), "Filter", "words, cpu>80, state:down; ! inverts; Esc clears", "Lists", "list", 11),
    Action("table.open", ("enter",), "Open", "go into what is under the cursor", "Lists", "table", 10),
    Action("table.up", ("up", "k"), "Up", "the row above", "Lists", "table"),
    Action("table.down", ("down", "j"), "Down", "the row below", "Lists", "table"),
    Action("table.page_up", ("pageup", "ctrl+b"), "Page up", "a screenful up", "Lists", "table"),
    Action("table.page_down", ("pagedown", "ctrl+f"), "Page down", "a screenful down", "Lists", "table"),
    Action("table.first", ("home", "g"), "First row", "the first row", "Lists", "table"),
    Action("table.last", ("end", "G"), "Last row", "the last row", "Lists", "table"),
    Action("table.left", ("left", "h"), "Scroll left", "scroll wide columns", "Lists", "table"),
    Action("table.right", ("right", "l"), "Scroll right", "scroll wide columns", "Lists", "table"),
    Action("table.sort", ("o",), "Sort", "sort by the next column; a click on a title does too", "Lists", "table", 12),
    Action("table.reverse", ("O",), "Reverse", "turn the order round", "Lists", "table"),
    Action("table.wide", ("w",), "Wide", "all columns; scroll with the arrow keys", "Lists", "table", 14),
    Action("table.freeze", ("z", "F"), "Freeze", "hold the rows still; collection goes on", "Lists", "table", 15),
    Action("table.follow", ("f",), "Follow", "keep the row under the cursor in view when the order changes", "Lists", "table", 16),
    Action("table.mark", ("space",), "Mark", "mark the row; copy and export then take the marked rows", "Lists", "table", 17),
    Action("table.invert_marks", ("asterisk",), "Invert marks", "mark what is not marked", "Lists", "table"),
    Action("tab.next", ("right_square_bracket",), "Next tab", "the next tab of this host", "Host", "host", 20),
    Action("tab.previous", ("left_square_bracket",), "Previous tab", "the previous tab of this host", "Host", "host"),
    Action("host.next", ("n",), "Next host", "the next host of the list, same tab and time", "Host", "host", 25),
    Action("host.previous", ("p",), "Previous host", "the previous host of the list, same tab and time", "Host", "host"),
    Action("chart.zoom_in", ("plus", "equals_sign"), "Zoom in", "less time, around the crosshair", "Time", "chart", 30),
    Action("chart.zoom_out", ("minus",), "Zoom out", "more time, around the crosshair", "Time", "chart", 31),
    Action("chart.left", ("left",), "Crosshair", "move the crosshair back one column", "Time", "chart"),
    Action("chart.right", ("right",), "Crosshair", "move the crosshair on one column", "Time", "chart"),
    Action("chart.pan_left", ("shift+left",), "Pan back", "move the window back", "Time", "chart", 32),
    Action("chart.pan_right", ("shift+right",), "Pan on", "move the window on, up to now", "Time", "chart"),
    Action("chart.live", ("0", "end"), "Live", "back to now", "Time", "chart", 29),
    Action("chart.clear", ("escape",), "Clear", "take the crosshair away", "Time", "crosshair"),
    Action("time.choose", ("t",), "Time", "choose a window: 5m to 7d, or a moment such as 14:05", "Time", "chart", 28),
    Action("grid.left", ("left", "h"), "Left", "the host to the left", "Fleet", "grid"),
    Action("grid.right", ("right", "l"), "Right", "the host to the right", "Fleet", "grid"),
    Action("grid.up", ("up", "k"), "Up", "the host above", "Fleet", "grid"),
    Action("grid.down", ("down", "j"), "Down", "the host below", "Fleet", "grid"),
    Action("grid.open", ("enter",), "Open", "go into the host", "Fleet", "grid", 10),
)  # fmt: skip

ACTIONS: Mapping[str, Action] = MappingProxyType({action.id: action for action in _TABLE})


def actions_in(contexts: Iterable[str]) -> tuple[Action, ...]:
    """Return the actions of ``contexts``, in the order of the table."""
    wanted = frozenset(contexts)
    return tuple(action for action in _TABLE if action.where in wanted)
