"""What the footer offers: the actions that do something here and now, by rank, from the one action table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nagare.tui.actions import ACTIONS, Action, actions_in
from nagare.tui.keymap import is_letter, key_label, keys_of
from nagare.tui.widgets.footer import Footer, FooterKey

if TYPE_CHECKING:
    from nagare.tui.app import TopApp

# These stand at the right end of the footer, however narrow it is.
_ALWAYS = ("help", "quit")
# Where a terminal has no room for the page, its keys would do things that nobody sees.
_FLOOR_GROUPS = ("Screens", "Connection")


def draw_footer(app: TopApp) -> None:
    """Draw the keys of the present mode of the page shown."""
    footer = app.page.query_one_optional(Footer)
    if footer is None:
        return
    known = [
        action
        for action in actions_in(("app", *app.page.contexts))
        if action.rank and app.can(action.id) and _is_offered(app, action) and _key(app, action) is not None
    ]
    known.sort(key=lambda action: action.rank)
    footer.hint = app.page.footer_hint()
    footer.keys = tuple(_footer_key(app, action) for action in known if action.id not in _ALWAYS)
    footer.always = tuple(_footer_key(app, ACTIONS[action]) for action in _ALWAYS)


def _is_offered(app: TopApp, action: Action) -> bool:
    """Tell whether a key that works is worth its room now."""
    if app.page.is_at_floor and action.group not in _FLOOR_GROUPS:
        return False
    if action.id == "shell.open":
        return bool(app.page.host_at_cursor())
    # The way to the shells: only while there is something to come back to.
    return action.id != "screen.shells" or (app.page.location.page != "shells" and app.verbs.has_shells())


def _key(app: TopApp, action: Action) -> str | None:
    """Return the first key that does it now, empty where it has none; None where its keys only write letters now."""
    keys = keys_of(action, app.own_keys)
    if not app.page.is_typing or not keys:
        return next(iter(keys), "")
    return next((key for key in keys if not is_letter(key)), None)


def _footer_key(app: TopApp, action: Action) -> FooterKey:
    key = _key(app, action) or ""
    why_not = app.page.why_not(action.id)
    return FooterKey(key_label(key), action.label, action.id, why_not or action.tooltip, is_off=bool(why_not))
