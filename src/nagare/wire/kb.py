"""The knowledge base over HTTP: its sources, and the passages that fit a question."""

from __future__ import annotations

import msgspec


class AddRequest(msgspec.Struct, frozen=True):
    """A directory to read pages from, by its absolute path on the server; ``name`` is that of the directory unless given."""

    directory: str
    name: str = ""


class SkippedView(msgspec.Struct, frozen=True):
    """Something below a source that is no page, and why."""

    path: str
    why: str


class SourceView(msgspec.Struct, frozen=True):
    """A source: ``version`` is the commit that was checked out there at the last sync; ``fault`` why a later one failed."""

    name: str
    directory: str
    version: str
    pages: int
    bytes: int
    added_at: str | None
    added_by: str
    synced_at: str | None
    fault: str
    skipped: list[SkippedView] = []


class SourceList(msgspec.Struct, frozen=True):
    """``GET /api/v1/kb``: every source, the shipped one first."""

    sources: list[SourceView]


class SyncReply(msgspec.Struct, frozen=True):
    """A source as it is now, and how many pages are new, changed, gone and as they were."""

    source: SourceView
    added: int
    changed: int
    removed: int
    unchanged: int


class SearchRequest(msgspec.Struct, frozen=True):
    """A question: the text of an alert, or words; ``source`` narrows it to one source."""

    text: str
    limit: int = 10
    source: str = ""


class PassageView(msgspec.Struct, frozen=True):
    """Lines of a page that fit, the best of that page; ``score`` is 0 to 1 and means the same whatever else is known."""

    rank: int
    score: float
    document: str
    title: str
    heading: str
    lines: str
    source: str
    version: str
    file: str
    kind: str
    outcome: str
    passage: str


class SearchReply(msgspec.Struct, frozen=True):
    """``POST /api/v1/kb/search``: one passage a page, the best first; none where nothing fits."""

    passages: list[PassageView]
