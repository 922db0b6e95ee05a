"""Sources and pages in the records database; each change of a source is one transaction, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    inspect,
    select,
    update,
)

from nagare.diagnosis.kb.library_shelf import Shelf
from nagare.diagnosis.kb.reading import Reading
from nagare.errors import ConflictError, LimitExceededError, NotFoundError
from nagare.model.diagnosis.knowledge import PageText, Source, Synced
from nagare.records.schema import metadata

SOURCES_LIMIT = 100
# Over all sources: every page is in memory, in the index.
PAGES_LIMIT = 20_000
TOTAL_LIMIT_BYTES = 256 * 2**20
# Names in one statement; some databases bound the number of parameters.
_PIECE = 500

sources = Table(
    "kb_sources",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("directory", Text, nullable=False),
    Column("version", String(64), nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("added_by", String(253), nullable=False),
    Column("is_owners", Boolean, nullable=False),
    Column("synced_ms", BigInteger, nullable=False),
    Column("skipped", Text, nullable=False),
    Column("fault", Text, nullable=False),
)
pages = Table(
    "kb_pages",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("path", String(500), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("text", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Added:
    """A source to begin: who adds it, and whether that is the owner of the installation."""

    name: str
    directory: str
    by: str
    is_owners: bool


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a source's directory, when (Unix milliseconds), and at which commit."""

    reading: Reading
    version: str
    at_ms: int


def has_knowledge(connection: Connection) -> bool:
    """Tell whether the database has these tables: one of an older version has none."""
    return inspect(connection).has_table(sources.name)


def load_sources(connection: Connection) -> list[Source]:
    """Return every source, by name."""
    counts = {
        row.source: (row.pages, row.bytes)
        for row in connection.execute(
            select(pages.c.source, func.count().label("pages"), func.sum(pages.c.bytes).label("bytes")).group_by(
                pages.c.source
            )
        )
    }
    rows = connection.execute(select(sources).order_by(sources.c.name)).all()
    return [_source(row, *counts.get(row.name, (0, 0))) for row in rows]


def load_owners(connection: Connection) -> frozenset[str]:
    """Return the names of the sources that the owner of the installation added."""
    return frozenset(connection.execute(select(sources.c.name).where(sources.c.is_owners)).scalars())


def load_shelves(connection: Connection) -> list[Shelf]:
    """Return every page, by source and path."""
    query = (
        select(pages, sources.c.version)
        .join(sources, sources.c.name == pages.c.source)
        .order_by(pages.c.source, pages.c.path)
    )
    return [
        Shelf(row.source, row.version, PageText(row.path, row.sha256, row.text)) for row in connection.execute(query)
    ]


def add_source(connection: Connection, added: Added, read: Read) -> Synced:
    """Begin a source with what was read of it. Raises ConflictError, LimitExceededError."""
    known = {row.name: row.directory for row in connection.execute(select(sources.c.name, sources.c.directory))}
    if added.name in known:
        raise ConflictError(
            f"cannot add source {added.name}: there is one of that name", hint="give another with --name, or sync it"
        )
    same = next((name for name, directory in known.items() if directory == added.directory), None)
    if same is not None:
        raise ConflictError(
            f"cannot add source {added.name}: source {same} has this directory", hint=f"nagare kb sync {same}"
        )
    if len(known) >= SOURCES_LIMIT:
        raise LimitExceededError(f"cannot add source {added.name}: there are {SOURCES_LIMIT}, which is the limit")
    connection.execute(
        insert(sources).values(
            name=added.name, directory=added.directory, version="", added_ms=read.at_ms, added_by=added.by,
            is_owners=added.is_owners, synced_ms=0, skipped="{}", fault="",
        )
    )  # fmt: skip
    return sync_source(connection, added.name, read)


def sync_source(connection: Connection, name: str, read: Read) -> Synced:
    """Make the pages of a source those that were read. Raises NotFoundError, LimitExceededError."""
    get_source(connection, name)
    before = _total(connection)
    known: Mapping[str, str] = {
        row.path: row.sha256
        for row in connection.execute(select(pages.c.path, pages.c.sha256).where(pages.c.source == name))
    }
    found = {page.path: page for page in read.reading.pages}
    removed = [path for path in known if path not in found]
    fresh = [page for path, page in found.items() if known.get(path) != page.sha256]
    changed = [page.path for page in fresh if page.path in known]
    _delete(connection, name, [*removed, *changed])
    for begin in range(0, len(fresh), _PIECE):
        connection.execute(insert(pages), [_row(name, page) for page in fresh[begin : begin + _PIECE]])
    _refuse_too_much(connection, name, before)
    connection.execute(
        update(sources)
        .where(sources.c.name == name)
        .values(version=read.version, synced_ms=read.at_ms, skipped=json.dumps(read.reading.skipped), fault="")
    )
    return Synced(
        get_source(connection, name),
        added=len(fresh) - len(changed), changed=len(changed), removed=len(removed), unchanged=len(found) - len(fresh),
    )  # fmt: skip


def tell_fault(connection: Connection, name: str, fault: str) -> None:
    """Write down why a source could not be synced; its pages stay."""
    connection.execute(update(sources).where(sources.c.name == name).values(fault=fault))


def get_source(connection: Connection, name: str) -> Source:
    """Return a source. Raises NotFoundError."""
    found = next((one for one in load_sources(connection) if one.name == name), None)
    if found is None:
        raise NotFoundError(f"cannot find source {name[:80]!r}: there is none of that name", hint="nagare kb list")
    return found


def remove_source(connection: Connection, name: str) -> Source:
    """Forget a source with its pages, and return what it was. Raises NotFoundError."""
    gone = get_source(connection, name)
    connection.execute(delete(pages).where(pages.c.source == name))
    connection.execute(delete(sources).where(sources.c.name == name))
    return gone


def _refuse_too_much(connection: Connection, name: str, before: tuple[int, int]) -> None:
    """Refuse what makes all sources larger than is lawful; a source that shrinks is always taken up."""
    for now, was, limit, what in zip(
        _total(connection), before, (PAGES_LIMIT, TOTAL_LIMIT_BYTES), ("pages", "bytes of pages"), strict=True
    ):
        if now > limit and now > was:
            raise LimitExceededError(
                f"cannot read source {name}: all sources together have more than {limit} {what}",
                hint="remove a source, or add the folders that hold runbooks, one by one",
            )


def _total(connection: Connection) -> tuple[int, int]:
    """Return how many pages all sources have, and how many bytes."""
    row = connection.execute(select(func.count(), func.sum(pages.c.bytes)).select_from(pages)).one()
    return int(row[0]), int(row[1] or 0)


def _delete(connection: Connection, name: str, paths: Sequence[str]) -> None:
    for begin in range(0, len(paths), _PIECE):
        piece = paths[begin : begin + _PIECE]
        connection.execute(delete(pages).where(pages.c.source == name, pages.c.path.in_(piece)))


def _row(name: str, page: PageText) -> dict[str, Any]:
    size = len(page.text.encode("utf-8", "surrogatepass"))
    return {"source": name, "path": page.path, "sha256": page.sha256, "bytes": size, "text": page.text}


def _source(row: Any, count: int, size: int) -> Source:
    return Source(
        row.name, row.directory, row.version, count, int(size or 0), row.added_ms, row.added_by, row.synced_ms,
        json.loads(row.skipped), row.fault,
    )  # fmt: skip
