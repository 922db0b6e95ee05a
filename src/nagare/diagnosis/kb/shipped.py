"""The pages that come with the package: what to do about the alerts of the shipped rules."""

from __future__ import annotations

import hashlib
from functools import cache

from nagare import __version__
from nagare.config.alert_rules.guides import find_guide, guide_names
from nagare.diagnosis.kb.library_shelf import Shelf
from nagare.model.diagnosis.knowledge import SHIPPED, PageText, Source


@cache
def shipped_shelves() -> tuple[Shelf, ...]:
    """Return the pages, by name."""
    pages = [(name, find_guide(name) or "") for name in guide_names()]
    return tuple(Shelf(SHIPPED, __version__, _page(name, text)) for name, text in pages)


def shipped_source() -> Source:
    """Return what is told of them as a source."""
    shelves = shipped_shelves()
    size = sum(len(shelf.page.text.encode()) for shelf in shelves)
    return Source(SHIPPED, "", __version__, len(shelves), size, 0, "", 0, {})


def _page(name: str, text: str) -> PageText:
    return PageText(f"{name}.md", hashlib.sha256(text.encode()).hexdigest(), text)
