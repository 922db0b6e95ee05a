"""Keys: the action table turned into bindings, a person's own keys laid over it, and keys as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from textual.binding import Binding, BindingType

from nagare.errors import ConfigError
from nagare.lib.nearest import did_you_mean
from nagare.tui.actions import ACTIONS, WIDGET_CONTEXTS, Action, actions_in

_GLYPHS = {
    "question_mark": "?", "slash": "/", "colon": ":", "asterisk": "*", "plus": "+", "minus": "-", "equals_sign": "=",
    "left_square_bracket": "[", "right_square_bracket": "]", "exclamation_mark": "!", "escape": "Esc",
    "enter": "Enter", "space": "Space", "tab": "Tab", "backspace": "Bksp", "left": "←", "right": "→", "up": "↑",
    "down": "↓", "end": "End", "home": "Home", "pageup": "PgUp", "pagedown": "PgDn", "f1": "F1", "full_stop": ".",
    "less_than_sign": "<", "greater_than_sign": ">", "semicolon": ";", "comma": ",", "left_parenthesis": "(", "right_parenthesis": ")", "left_curly_bracket": "{", "right_curly_bracket": "}",
}  # fmt: skip
_NAMES = {glyph: name for name, glyph in _GLYPHS.items() if len(glyph) == 1}
_FUNCTION_KEY = re.compile(r"f\d+")
_ARROWS = frozenset({"left", "right", "up", "down"})


def key_label(key: str) -> str:
    """Return ``key`` as it stands on a keyboard: ``Ctrl+P``, ``⇧←``, ``?``."""
    *modifiers, last = key.split("+") if key != "+" else ["+"]
    label = _GLYPHS.get(last, last.upper() if (modifiers and len(last) == 1) or _FUNCTION_KEY.fullmatch(last) else last)
    for modifier in reversed(modifiers):
        label = ("⇧" if modifier == "shift" else modifier.capitalize() + "+") + label
    return label


def is_letter(key: str) -> bool:
    """Tell whether ``key`` is for the text where one is typed: it writes a letter, or moves in it."""
    return (
        key in ("home", "end")
        or len(key) == 1
        or key == "space"
        or (key not in _ARROWS and len(_GLYPHS.get(key, "")) == 1)
    )


def keys_of(action: Action, own: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys of ``action`` after a person's ``own`` choices."""
    if action.id not in own:
        return action.keys
    return tuple(_key_name(key) for key in own[action.id].split(",") if key.strip())


def _key_name(text: str) -> str:
    stripped = text.strip()
    return _NAMES.get(stripped, stripped)


def bindings_for(contexts: Iterable[str]) -> list[BindingType]:
    """Return the bindings of ``contexts``; each runs the app's ``act`` and carries the action's id."""
    return [
        Binding(",".join(action.keys), f"app.act('{action.id}')", action.label, tooltip=action.tooltip, id=action.id,
                show=False, priority=action.id in PRIORITY)
        for action in actions_in(contexts)
        if action.keys and action.where not in WIDGET_CONTEXTS
    ]  # fmt: skip


# Keys that must work while a text field has the focus as well.
PRIORITY = frozenset({"palette"})


def check_keys(own: Mapping[str, str]) -> dict[str, str]:
    """Return ``own`` as Textual's keymap; a default key that is taken goes, if its action keeps another.

    Raises ConfigError for an unknown action, or for a key with two meanings at one place.
    """
    for action_id in own:
        if action_id not in ACTIONS:
            raise ConfigError(
                f"cannot use top.keys {action_id!r}: no such action",
                hint=did_you_mean(action_id, ACTIONS) or "docs/reference/keys.md lists them",
            )
    resolved = {action.id: list(keys_of(action, own)) for action in ACTIONS.values()}
    for action_id in own:
        for key in resolved[action_id]:
            _make_room(ACTIONS[action_id], key, resolved, own)
    return {
        action.id: ",".join(resolved[action.id])
        for action in ACTIONS.values()
        if action.id in own or resolved[action.id] != list(action.keys)
    }


def _make_room(action: Action, key: str, resolved: dict[str, list[str]], own: Mapping[str, str]) -> None:
    for other in ACTIONS.values():
        if other.id == action.id or key not in resolved[other.id] or not _live_together(action.where, other.where):
            continue
        if other.id in own or len(resolved[other.id]) == 1:
            raise ConfigError(
                f"cannot use top.keys: key {key_label(key)!r} would mean both {other.id!r} and {action.id!r}",
                hint=f"give one of them another key, such as {other.id!r} = 'ctrl+o'",
            )
        resolved[other.id].remove(key)


# Parts of pages about hosts, and of pages about commands or alerts: no page has both.
# Nor do two of the lists of screens 4 and 6, or one of them and one command, stand on one page; notifications of one incident do.
_OF_ALERTS = ("alerts", "silences", "rules", "incidents", "notices", "routes", "alarms")
_TOGETHER = ({"incidents", "notices"},)
_ALONE = (
    {"lists", "job"}, {"jobs", "tasks"}, {"jobs", "schedules"}, {"tasks", "schedules"}, {"tasks", "job"}, {"schedules", "job"},
    *(pair for pair in ({one, other} for one in _OF_ALERTS[:-1] for other in _OF_ALERTS[:-1]) if pair not in _TOGETHER),
    *({one, other} for one in _OF_ALERTS for other in ("jobs", "tasks", "schedules", "job", "output")),
    *({"query", other} for other in ("host", "grid", "jobs", "lists", "tasks", "schedules", "job", "output", *_OF_ALERTS)),
    *({"network", other} for other in ("host", "grid", "query", "diagnoses", "jobs", "lists", "tasks", "schedules", "job", "output", *_OF_ALERTS)),
    *({"hosts", other} for other in ("host", "grid", "query", "network", "diagnoses", "chart", "jobs", "lists", "tasks", "schedules", "job", "output", *_OF_ALERTS)),
    *({"diagnoses", other} for other in ("query", "jobs", "lists", "tasks", "schedules", "job", "output", *_OF_ALERTS)),
)  # fmt: skip
_APART = (
    frozenset({"host", "targets", "grid", "chart", "crosshair"}),
    frozenset({"jobs", "lists", "tasks", "schedules", "job", "output", "diagnoses", *_OF_ALERTS}),
)


def _live_together(first: str, second: str) -> bool:
    if first == second:
        return True
    if "shell" in (first, second):
        return False  # its keys come after the leader
    if {first, second} in _ALONE or any(first in one and second in other for one, other in (_APART, _APART[::-1])):
        return False
    # A list's, a grid's and a chart's keys belong to the one with the focus; a crosshair's Esc comes before the page's.
    focused = {"table", "grid", "map", "chart", "output"}
    return "crosshair" not in (first, second) and not {first, second} <= focused
