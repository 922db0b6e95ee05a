"""The files of the audit log: exports, saved heads, and the records of an installation that has no server running."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nagare.audit.chain import Entry, SignedHead
from nagare.client.owner import shared
from nagare.config.places import Places
from nagare.errors import InputError, NotFoundError, StorageError
from nagare.lib.atomic_file import write_atomic
from nagare.lib.database_copy import copied
from nagare.wire.audit import AuditHead, AuditLine
from nagare.wire.codec import decode, encode

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.config.settings import Settings

Opened = tuple[Iterator[Entry], Sequence[SignedHead]]
_HEADS = "SELECT seq, digest, at_ms, public_key, signature FROM audit_heads ORDER BY seq"
_ENTRIES = "SELECT seq, line, digest FROM audit_entries ORDER BY seq"


async def write_export(client: Client, file: Path | None, page: int) -> int:
    """Write the whole log to ``file`` (0600, whole or not at all) or stdout; return the number of entries."""
    pieces: list[bytes] = []
    count = 0
    while True:
        piece = await client.audit_lines(count, page)
        lines = [decode(line, AuditLine) for line in piece.splitlines()]
        found = sum(bool(line.line) for line in lines)
        count += found
        if file is None:
            sys.stdout.buffer.write(piece)
        else:
            pieces.append(piece)
        if found < page:
            break
    if file is not None:
        write_atomic(file, b"".join(pieces), mode=0o600)
    return count


def write_head(head: AuditHead, file: Path | None) -> None:
    """Write a signed head to ``file`` or stdout."""
    content = encode(head) + b"\n"
    if file is None:
        sys.stdout.buffer.write(content)
    else:
        write_atomic(file, content, mode=0o600)


def read_head(file: Path) -> SignedHead:
    """Return the head that ``file`` holds. Raises NotFoundError, InputError."""
    try:
        return _signed(decode(file.read_bytes(), AuditHead))
    except OSError as error:
        raise NotFoundError(f"cannot read head {file}: {(error.strerror or 'refused').lower()}") from error
    except InputError as error:
        raise InputError(
            f"cannot read head {file}: {error.message}", hint="`nagare audit head FILE` writes one"
        ) from error


@contextmanager
def opened_export(file: Path) -> Iterator[Opened]:
    """Yield the entries and heads of an export. Raises NotFoundError, InputError."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise NotFoundError(f"cannot read export {file}: {(error.strerror or 'refused').lower()}") from error
    read = [_line(file, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    entries = (Entry(line.seq, line.line, line.digest) for line in read if line.head is None)
    yield entries, [_signed(line.head) for line in read if line.head is not None]


@contextmanager
def opened_installation(settings: Settings) -> Iterator[Opened]:
    """Yield the entries and heads of this installation's records, beside a running server too.

    Raises NotFoundError, StorageError, ConnectFailedError.
    """
    places = Places(settings.data)
    if settings.records.url:
        with _opened_postgresql(settings, places) as found:
            yield found
        return
    if not places.records.exists():
        raise NotFoundError(
            f"cannot verify the audit log of {places.data}: it has no records here",
            hint="name an export: nagare audit verify FILE",
        )
    try:
        with ExitStack() as stack:
            owner = stack.enter_context(shared(places.lock))
            copy = stack.enter_context(copied(places.records, is_live=owner is not None))
            database = stack.enter_context(closing(sqlite3.connect(copy)))
            signed = [SignedHead(*row) for row in database.execute(_HEADS)]
            yield (Entry(*row) for row in database.execute(_ENTRIES)), signed
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"cannot read audit log of {places.records}: {error}") from error


@contextmanager
def _opened_postgresql(settings: Settings, places: Places) -> Iterator[Opened]:
    from nagare.records.dump import opened

    with opened(places.records, settings.records) as connection:
        signed = [SignedHead(*row) for row in connection.exec_driver_sql(_HEADS)]
        rows = connection.exec_driver_sql(_ENTRIES, execution_options={"yield_per": 1_000})
        yield (Entry(*row) for row in rows), signed


def _line(file: Path, number: int, line: bytes) -> AuditLine:
    try:
        return decode(line, AuditLine)
    except InputError as error:
        raise InputError(f"cannot read export {file}: line {number}: {error.message}") from error


def _signed(head: AuditHead) -> SignedHead:
    return SignedHead(head.seq, head.digest, head.at_ms, head.public_key, head.signature)
