"""What people and programs see of sources and passages: foreign text made harmless, places exact. Pure."""

from __future__ import annotations

from pathlib import Path

from nagare.lib.plain_text import plain, plain_lines
from nagare.lib.rfc3339 import format_ms
from nagare.model.diagnosis.knowledge import SHIPPED, Passage, Source, Synced
from nagare.wire.kb import PassageView, SkippedView, SourceView, SyncReply

# A passage is shorter unless one line of it is long.
_SHOWN_LIMIT = 4000


def source_view(source: Source) -> SourceView:
    """Return a source as it is shown."""
    return SourceView(
        name=source.name,
        directory=plain(source.directory),
        version=source.version,
        pages=source.pages,
        bytes=source.bytes,
        added_at=format_ms(source.added_ms) if source.added_ms else None,
        added_by=source.added_by,
        synced_at=format_ms(source.synced_ms) if source.synced_ms else None,
        fault=plain(source.fault),
        skipped=[SkippedView(plain(path), plain(why)) for path, why in source.skipped.items()],
    )


def sync_reply(synced: Synced) -> SyncReply:
    """Return what a sync changed."""
    return SyncReply(source_view(synced.source), synced.added, synced.changed, synced.removed, synced.unchanged)


def passage_view(rank: int, passage: Passage, directory: str) -> PassageView:
    """Return a passage as it is shown; ``directory`` is that of its source, empty for the shipped one."""
    return PassageView(
        rank=rank,
        score=passage.score,
        document=plain(passage.path),
        title=plain(passage.title),
        heading=plain(" > ".join(passage.headings)),
        lines=f"{passage.first}-{passage.last}",
        source=passage.source,
        version=passage.version,
        file=plain(str(Path(directory) / passage.path)) if passage.source != SHIPPED else "",
        kind=passage.kind.value,
        outcome=plain(passage.outcome, 500),
        passage=plain_lines(passage.text)[:_SHOWN_LIMIT],
    )
