"""The palette (every action by name) and the jump (every host and page by name), over Textual's own search field."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher

from nagare.lib.plain_text import plain
from nagare.tui.actions import ACTIONS, actions_in
from nagare.tui.keymap import key_label, keys_of
from nagare.tui.location import ADDRESSES, Location

if TYPE_CHECKING:
    from nagare.tui.app import TopApp

# What a person can still read through; typing narrows it.
_JUMP_LIMIT = 200


class _Own(Provider):
    """Knows our app and lists (name, help, what to do)."""

    @property
    def top(self) -> TopApp:
        """The app, by its own type."""
        return cast("TopApp", self.app)

    def choices(self) -> list[tuple[str, str, Any]]:
        """Return what can be chosen."""
        raise NotImplementedError

    async def discover(self) -> Hits:
        """List everything while nothing is typed."""
        for name, help_, command in self.choices()[:_JUMP_LIMIT]:
            # Names and reasons are foreign text: what looks like markup in them must stay text.
            yield DiscoveryHit(Content(name), command, text=name, help=_escape(help_))

    async def search(self, query: str) -> Hits:
        """List what matches, best first."""
        matcher = self.matcher(query)
        for name, help_, command in self.choices():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, _highlighted(matcher, name), command, text=name, help=_escape(help_))


class ActionProvider(_Own):
    """Every action that does something here."""

    def choices(self) -> list[tuple[str, str, Any]]:
        """Return the actions of the present page."""
        top = self.top
        own = top.own_keys
        found = []
        for action in actions_in(("app", *top.page.contexts)):
            if action.id != "palette" and top.can(action.id):
                keys = " ".join(key_label(key) for key in keys_of(ACTIONS[action.id], own))
                tip = f"{action.tooltip}  [{keys}]" if keys else action.tooltip
                found.append((f"{action.group}: {action.label}", tip, partial(top.act, action.id)))
        return found


class JumpProvider(_Own):
    """Hosts, worst first, and the pages."""

    def choices(self) -> list[tuple[str, str, Any]]:
        """Return pages and hosts."""
        top = self.top
        window = top.page.location.window
        pages = [(page, f"the {page} screen", partial(top.go, Location(page, window=window))) for page in ADDRESSES]
        hosts = [
            (plain(host.name), f"{host.level.value}{': ' + host.reasons[0].text if host.reasons else ''}",
             partial(top.go, top.page.location.with_host(host.name)))
            for host in top.model.by_urgency()
        ]  # fmt: skip
        return [*pages, *hosts]


def _escape(text: str) -> str:
    # The library's own ``escape`` leaves tags that begin with a capital or a dollar, which its parser reads.
    return text.replace("[", "\\[")


def _highlighted(matcher: Matcher, name: str) -> Content:
    # As ``matcher.highlight``, which would read markup in the name.
    content = Content(name)
    for offset in matcher.fuzzy_search.match(matcher.query, name)[1]:
        if not name[offset].isspace():
            content = content.stylize(matcher.match_style, offset, offset + 1)
    return content


def open_palette(app: TopApp) -> None:
    """Ask for an action."""
    app.push_screen(CommandPalette(providers=[ActionProvider], placeholder="what to do"))


def open_jump(app: TopApp) -> None:
    """Ask for a host or a page."""
    app.push_screen(CommandPalette(providers=[JumpProvider], placeholder="where to go"))
