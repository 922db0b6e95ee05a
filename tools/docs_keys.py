"""The page of keys, made from the interface's action table."""

from __future__ import annotations

from itertools import groupby

from nagare.tui.actions import ACTIONS, CONTEXTS, Action
from nagare.tui.keymap import key_label

_TOP = """# Keys of `nagare top`

Written by `make docs` from `src/nagare/tui/actions.py`, the table that bindings, footer, help screen and palette are made from.

Every action has an id. `[top.keys]` in `nagare.toml` gives it other keys, comma separated; an empty text takes its keys away. A key
that would mean two things at one place is refused when `top` starts.

```toml
[top.keys]
"screen.hosts" = "2,ctrl+h"
"quit" = "ctrl+q"
```

Keys of a list, of the fleet's grid and of a chart hold while it has the focus; charts' keys also hold beside it. What does nothing
at a place is neither bound nor shown there. Everything can be clicked, and found by name with Ctrl+P.
"""


def keys_page() -> str:
    """Return the page of all actions by group."""
    parts = [_TOP]
    order = list(dict.fromkeys(action.group for action in ACTIONS.values()))
    ordered = sorted(ACTIONS.values(), key=lambda action: order.index(action.group))
    for group, actions in groupby(ordered, key=lambda action: action.group):
        parts += [f"## {group}", "", "| key | action | id | where | |", "| --- | --- | --- | --- | --- |"]
        parts += [_row(action) for action in actions]
        parts.append("")
    return "\n".join(parts)


def _row(action: Action) -> str:
    keys = " ".join(f"`{key_label(key)}`" for key in action.keys) or "palette only"
    return f"| {keys} | {action.label} | `{action.id}` | {CONTEXTS[action.where]} | {action.tooltip} |"
