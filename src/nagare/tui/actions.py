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


# Contexts by what they mean to a person. The keys of a list, a grid, an output and a crosshair are bound by the widget that has
# the focus; a chart's are bound by the page too, so that they work beside a chart. All others are bound by the page.
CONTEXTS: Mapping[str, str] = MappingProxyType(
    {
        "app": "everywhere",
        "host": "on one host",
        "targets": "where hosts are",
        "hosts": "in the list of hosts",
        "jobs": "where commands are",
        "lists": "on screens 4 and 6",
        "tasks": "in the list of tasks",
        "schedules": "in the list of schedules",
        "job": "on one command",
        "alerts": "in lists of alerts",
        "silences": "in the list of silences",
        "rules": "in the list of rules",
        "alarms": "on screen 4",
        "incidents": "where incidents are",
        "notices": "in lists of notifications",
        "routes": "in the list of routes",
        "diagnoses": "on screen 7",
        "list": "where a list is",
        "table": "in a list",
        "grid": "in the fleet's grid",
        "chart": "where charts are",
        "crosshair": "on a chart with a crosshair",
        "output": "in what a command wrote",
        "shell": "in a shell, after Ctrl+]",
        "query": "on screen 8",
        "network": "on screen 5",
        "map": "on the map of the network",
    }
)
WIDGET_CONTEXTS = frozenset({"table", "grid", "map", "crosshair", "output", "shell"})

_TABLE = (
    Action("screen.overview", ("1",), "Overview", "is anything wrong, since when", "Screens", "app", 60),
    Action("screen.hosts", ("2",), "Hosts", "every host beside the others", "Screens", "app", 61),
    Action("screen.host", ("3",), "Host", "the host under the cursor, or the last one opened", "Screens", "app", 62),
    Action("screen.alerts", ("4",), "Alerts", "what needs you: what fires, what is in hand, what was", "Screens", "app", 62),
    Action("screen.network", ("5",), "Network", "what depends on what, and what fell first", "Screens", "app"),
    Action("screen.commands", ("6",), "Commands", "what was run, what runs, what waits for you", "Screens", "app", 63),
    Action("screen.diagnose", ("7",), "Diagnose", "what is wrong and why: what was asked, and what was found", "Screens", "app"),
    Action("screen.query", ("8",), "Query", "anything else: ask in SQL", "Screens", "app"),
    Action("screen.shells", ("9",), "Shells", "shells that are open on hosts", "Screens", "app", 17),
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
    Action("export", ("e",), "Export", "write the rows that are shown, or the marked ones, to a CSV file here; the chart with the keys as SVG or CSV", "Take away", "list", 45),
    Action("theme.toggle", (), "Next theme", "the next of the themes: dark, light, high contrast, 16 colours", "Screens", "app"),
    Action("theme.dark", (), "Dark theme", "light text on a dark ground", "Screens", "app"),
    Action("theme.light", (), "Light theme", "dark text on a light ground", "Screens", "app"),
    Action("theme.contrast", (), "High contrast theme", "every text at least 7:1 against its ground", "Screens", "app"),
    Action("theme.sixteen", (), "16 colours theme", "the terminal's own sixteen colours and no others", "Screens", "app"),
    Action("view.open", ("v",), "Views", "filters and orders that you saved: choose one, or forget one", "Lists", "hosts", 30),
    Action("view.save", ("V",), "Save view", "keep this filter and this order under a name", "Lists", "hosts"),
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
    Action("diagnose", ("D",), "Diagnose", "what is wrong and why: with the host or the alert under the cursor, on the overview with the whole fleet", "Diagnosis", "app", 19),
    Action("diagnosis.propose", ("p",), "Propose", "fill in the command that is proposed; nothing runs before you agreed to its plan", "Diagnosis", "diagnoses", 7),
    Action("diagnosis.ask", ("a",), "Question", "ask in words, about the open one or the fleet; the configured model answers", "Diagnosis", "diagnoses", 8),
    Action("diagnosis.model", ("m",), "With a model", "the same once more, and the configured model too", "Diagnosis", "diagnoses", 9),
    Action("diagnosis.stop", ("c",), "Cancel", "end what is being made, here and at the server", "Diagnosis", "diagnoses", 6),
    Action("diagnosis.helped", ("plus", "equals_sign"), "Helped", "say that it helped, with a word if you like", "Diagnosis", "diagnoses", 20),
    Action("diagnosis.useless", ("minus",), "Did not", "say that it was wrong or of no use, with a word if you like", "Diagnosis", "diagnoses", 21),
    Action("shell.open", ("x",), "Shell", "open a shell on the host under the cursor", "Shells", "targets", 18),
    Action("run", ("full_stop",), "Run", "run an action on the marked hosts, else on the one under the cursor", "Commands", "targets", 18),
    Action("job.new", ("n",), "New", "run an action: choose it, fill it in, look at the plan, agree", "Commands", "jobs", 9),
    Action("job.approve", ("a",), "Approve", "agree to the exact plan, as the second person", "Commands", "jobs", 7),
    Action("job.reject", ("R",), "Reject", "refuse what waits for a second person, with a reason", "Commands", "jobs", 8),
    Action("job.cancel", ("c",), "Cancel", "end what runs of it, and begin nothing more", "Commands", "jobs", 9),
    Action("task.cancel", ("c",), "End", "end the task under the cursor", "Commands", "tasks", 7),
    Action("schedule.new", ("N",), "New", "make a schedule: fill it in, see when it comes, agree", "Commands", "schedules", 9),
    Action("schedule.run", ("n",), "Run now", "make the task of the schedule under the cursor now", "Commands", "schedules", 7),
    Action("schedule.switch", ("S",), "On or off", "switch the schedule under the cursor on or off", "Commands", "schedules", 8),
    Action("list.next", ("right_square_bracket",), "Next list", "the next list of this screen", "Lists", "lists", 27),
    Action("list.previous", ("left_square_bracket",), "Previous list", "the previous list of this screen", "Lists", "lists"),
    Action("alert.ack", ("a",), "Ack", "take the marked alerts, else the one under the cursor, in hand", "Alerts", "alerts", 6),
    Action("alert.unack", ("A",), "Unack", "give back what is in hand: people are told again", "Alerts", "alerts", 8),
    Action("alert.silence", ("s",), "Silence", "tell nobody of alerts with these labels for a while", "Alerts", "alerts", 7),
    Action("alert.why", ("W",), "Why", "step by step, why people are told of it, or are not", "Alerts", "alerts", 8),
    Action("alert.comment", ("c",), "Comment", "note something about it", "Alerts", "alerts", 9),
    Action("alert.resolve", ("R",), "Resolve", "end it by hand, after a look at exactly what ends", "Alerts", "alerts", 13),
    Action("alert.group", ("b",), "Group by", "fold by name, by host, by severity, or not at all; Enter looks into a group", "Alerts", "alerts", 12),
    Action("alert.host", ("H",), "Host", "the host at the time when the alert fired", "Alerts", "alerts", 14),
    Action("list.incidents", ("I",), "Incidents", "alerts that people hear of together, and how they were told", "Alerts", "alarms", 21),
    Action("list.notifications", ("N",), "Notifications", "what was told to whom, and what became of it", "Alerts", "alarms", 22),
    Action("list.routes", ("P",), "Routes", "who is told of what, who is on duty now, and what is mute", "Alerts", "alarms", 23),
    Action("list.heartbeats", ("B",), "Heartbeats", "signs of life that are waited for", "Alerts", "alarms", 24),
    Action("screen.undelivered", (), "Undelivered", "the notifications that reached nobody: they lie there until somebody tries again", "Alerts", "app"),
    Action("incident.ack", ("a",), "Ack all", "take every alert of the incident in hand", "Alerts", "incidents", 6),
    Action("incident.timeline", ("L",), "Timeline", "everything that happened, in order: alerts, notices, tries", "Alerts", "incidents", 9),
    Action("notice.retry", ("T",), "Try again", "send what was given up once more: the marked ones, else the one under the cursor", "Alerts", "notices", 7),
    Action("notice.drop", ("X",), "Give up", "send what waits or is dead no more", "Alerts", "notices", 8),
    Action("notice.incident", ("i",), "Incident", "the incident that it tells of", "Alerts", "notices", 9),
    Action("receiver.test", ("T",), "Test", "send a test on every channel of who is under the cursor", "Alerts", "routes", 7),
    Action("silence.new", ("n",), "New", "make a silence", "Alerts", "silences", 7),
    Action("silence.end", ("c",), "End", "end the silence under the cursor now", "Alerts", "silences", 8),
    Action("rule.delete", ("c",), "Delete", "delete the rule under the cursor, where it was saved at the server", "Alerts", "rules", 8),
    Action("job.tab_next", ("right_square_bracket",), "Next tab", "the next tab of this command", "Commands", "job", 25),
    Action("job.tab_previous", ("left_square_bracket",), "Previous tab", "the previous tab of this command", "Commands", "job"),
    Action("output.follow", ("f",), "Follow", "stay at the end of the output as it comes", "Commands", "output", 16),
    Action("output.up", ("up", "k"), "Up", "a line up", "Commands", "output"),
    Action("output.down", ("down", "j"), "Down", "a line down", "Commands", "output"),
    Action("output.page_up", ("pageup", "ctrl+b"), "Page up", "a screenful up", "Commands", "output"),
    Action("output.page_down", ("pagedown", "ctrl+f"), "Page down", "a screenful down", "Commands", "output"),
    Action("output.first", ("home", "g"), "First line", "the first line that is kept", "Commands", "output"),
    Action("output.last", ("end", "G"), "Last line", "the last line", "Commands", "output"),
    Action("output.left", ("left", "h"), "Scroll left", "the begin of long lines", "Commands", "output"),
    Action("output.right", ("right", "l"), "Scroll right", "the rest of long lines", "Commands", "output"),
    Action("query.run", ("f5", "ctrl+j", "ctrl+enter"), "Run", "ask what stands in the field, over the time of the header", "Query", "query", 3),
    Action("query.cancel", ("ctrl+g",), "End", "end the query that runs, at the server too; Esc does it as well", "Query", "query", 2),
    Action("query.open", ("f2", "ctrl+o"), "Recipes", "saved queries and recipes: Enter runs one", "Query", "query", 4),
    Action("query.history", ("f3", "ctrl+r"), "History", "what you asked before, the newest first: type to search, Enter runs it", "Query", "query", 5),
    Action("query.save", ("f4", "ctrl+s"), "Save", "keep what stands in the field under a name", "Query", "query", 71),
    Action("query.complete", ("ctrl+space", "ctrl+@"), "Offer", "offer what may stand at the cursor", "Query", "query", 8),
    Action("query.chart", ("v", "f8"), "Chart", "the answer as a chart over time, or as rows again", "Query", "query", 9),
    Action("chart.zoom_in", ("plus", "equals_sign"), "Zoom in", "less time, around the crosshair", "Time", "chart", 30),
    Action("chart.zoom_out", ("minus",), "Zoom out", "more time, around the crosshair", "Time", "chart", 31),
    Action("chart.left", ("left",), "Crosshair", "move the crosshair back one column", "Time", "chart"),
    Action("chart.right", ("right",), "Crosshair", "move the crosshair on one column", "Time", "chart"),
    Action("chart.pan_left", ("shift+left",), "Pan back", "move the window back", "Time", "chart", 32),
    Action("chart.pan_right", ("shift+right",), "Pan on", "move the window on, up to now", "Time", "chart"),
    Action("chart.live", ("end",), "Live", "back to now", "Time", "chart"),
    Action("time.compare", ("c",), "Compare", "a dim line of the same time a day before, a week before, or none again", "Time", "chart", 33),
    Action("chart.mark_back", ("left_parenthesis",), "Mark before", "the crosshair on the mark before: an alert, a deploy, a command, a gap, an event", "Time", "chart", 36),
    Action("chart.mark_on", ("right_parenthesis",), "Mark after", "the crosshair on the mark after it", "Time", "chart"),
    Action("chart.mark", ("enter",), "Open mark", "go where the mark under the crosshair leads; of several you choose", "Time", "crosshair"),
    Action("chart.clear", ("escape",), "Clear", "take the crosshair away", "Time", "crosshair"),
    Action("time.choose", ("t",), "Time", "choose a window: 5m to 7d, or a moment such as 14:05", "Time", "app", 28),
    Action("time.live", ("0",), "Live", "back to now, on every screen", "Time", "app", 29),
    Action("time.play", ("semicolon",), "Play", "play the past forward from the moment that is shown, or pause; ends at now", "Time", "app", 13),
    Action("time.speed", ("comma",), "Pace", "play at 1x, 10x or 60x", "Time", "app", 13),
    Action("time.back", ("less_than_sign",), "Step back", "every screen as it was one interval before", "Time", "app", 34),
    Action("time.on", ("greater_than_sign",), "Step on", "every screen one interval later, up to now", "Time", "app", 35),
    Action("time.span_back", ("left_curly_bracket",), "Span back", "every screen as it was a whole window before", "Time", "app"),
    Action("time.span_on", ("right_curly_bracket",), "Span on", "every screen a whole window later, up to now", "Time", "app"),
    Action("shell.next", ("n", "tab"), "Next", "the next pane", "Shells", "shell"),
    Action("shell.previous", ("p", "shift+tab"), "Previous", "the pane before", "Shells", "shell"),
    Action("shell.tabs", ("t",), "Tabs", "one pane at a time, or all beside each other", "Shells", "shell"),
    Action("shell.search", ("slash",), "Search", "search upwards in what the pane keeps", "Shells", "shell"),
    Action("shell.up", ("pageup", "k"), "Look back", "a screenful up in what the pane keeps", "Shells", "shell"),
    Action("shell.down", ("pagedown", "j"), "Look on", "a screenful down", "Shells", "shell"),
    Action("shell.mark", ("m",), "Mark", "mark the pane for typing to several", "Shells", "shell"),
    Action("shell.broadcast", ("b",), "Broadcast", "type to all marked panes, or to one again", "Shells", "shell"),
    Action("shell.copy", ("y",), "Copy", "copy the text that the pane shows", "Shells", "shell"),
    Action("shell.links", ("l",), "Links", "the links that the pane shows; the address is shown before it is copied", "Shells", "shell"),
    Action("shell.close", ("x",), "Close", "close the pane; asks while its shell is open", "Shells", "shell"),
    Action("network.view", ("v",), "Map or list", "the map alone, or the list again; on a wide terminal both beside each other", "Network", "network", 8),
    Action("network.links", ("i",), "Links", "the links of the node under the cursor; Enter draws one over time", "Network", "network", 9),
    Action("network.root", ("R",), "What fell", "what is down with most hosts behind it, then the next one", "Network", "network", 7),
    Action("map.open", ("enter",), "Open", "go into the host; of anything else its links", "Network", "map", 10),
    Action("map.left", ("left", "h"), "Left", "the node to the left", "Network", "map"),
    Action("map.right", ("right", "l"), "Right", "the node to the right", "Network", "map"),
    Action("map.up", ("up", "k"), "Up", "the nearest node above", "Network", "map"),
    Action("map.down", ("down", "j"), "Down", "the nearest node below", "Network", "map"),
    Action("map.page_up", ("pageup", "ctrl+b"), "Page up", "a screenful up", "Network", "map"),
    Action("map.page_down", ("pagedown", "ctrl+f"), "Page down", "a screenful down", "Network", "map"),
    Action("map.first", ("home", "g"), "First", "the first node", "Network", "map"),
    Action("map.last", ("end", "G"), "Last", "the last node", "Network", "map"),
    Action("map.freeze", ("z", "F"), "Freeze", "hold list and map still; collection goes on", "Network", "map", 15),
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
