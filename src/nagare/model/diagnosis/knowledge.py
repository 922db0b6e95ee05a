"""What people wrote down: where it is read from, its pages, and the passages that answer a question. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

# The source that comes with the package: the pages of the shipped rules. No other may have this name.
SHIPPED = "shipped"


class PageKind(StrEnum):
    """What a page is: instructions, what happened once and how it ended, or anything else."""

    RUNBOOK = "runbook"
    INCIDENT = "incident"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class PageText:
    """A page as it was read: its path below the source's directory, the SHA-256 of the file in hex, and its text."""

    path: str
    sha256: str
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """A directory of pages; ``version`` is the commit that was checked out there, empty where it is no checkout.

    Times are Unix milliseconds. ``skipped`` tells by path why something there is no page.
    """

    name: str
    directory: str
    version: str
    pages: int
    bytes: int
    added_ms: int
    added_by: str
    synced_ms: int
    skipped: Mapping[str, str]
    # Why the last sync failed, empty when it went well.
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync changed: counts of pages, beside the source as it is now."""

    source: Source
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """Lines of a page that fit a question: ``first`` to ``last``, counted from 1 and both included.

    ``score`` is from 0 to 1 and means the same whatever else is known. ``text`` is what stands there, unchanged: foreign
    text, which whoever shows it makes harmless. ``outcome`` is how an incident ended, where its page says so. ``steps`` are
    what the page says to do, foreign text too; they stand in the lines ``steps_at``, as ``5-9``.
    """

    source: str
    version: str
    path: str
    kind: PageKind
    title: str
    headings: tuple[str, ...]
    first: int
    last: int
    score: float
    text: str
    outcome: str = ""
    steps: tuple[str, ...] = ()
    steps_at: str = ""
