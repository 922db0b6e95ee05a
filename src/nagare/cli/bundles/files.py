"""Bundles and documents as files of the one who signs or publishes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nagare.errors import InputError, StorageError

if TYPE_CHECKING:
    from nagare.wire.updates import Bundle

_DOCUMENT_LIMIT_BYTES = 2**20


def entry_of(file: Path) -> tuple[Bundle, bytes]:
    """Return how a list names a bundle, and its content. Raises InputError."""
    import hashlib

    from nagare.model.updates import BUNDLE_LIMIT_BYTES, parse_bundle_name
    from nagare.wire.updates import Bundle

    version, arch = parse_bundle_name(file.name)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read bundle {file}: {(error.strerror or 'unreadable').lower()}") from error
    if not 0 < len(content) <= BUNDLE_LIMIT_BYTES:
        raise InputError(f"cannot use bundle {file}: {len(content)} bytes, at most {BUNDLE_LIMIT_BYTES} are taken")
    return Bundle(file.name, version, arch, len(content), hashlib.sha256(content).hexdigest()), content


def read_document(file: Path) -> str:
    """Return the text of a document. Raises InputError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {file}: {(error.strerror or 'unreadable').lower()}") from error
    if len(content) > _DOCUMENT_LIMIT_BYTES:
        raise InputError(f"cannot read {file}: it is too large for a document")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read {file}: it is no text") from error


def write_document_file(file: Path, text: str) -> None:
    """Write a document, whole or not at all. Raises StorageError."""
    from nagare.lib.atomic_file import write_atomic

    try:
        write_atomic(file, text.encode(), mode=0o644)
    except OSError as error:
        raise StorageError(f"cannot write {file}: {(error.strerror or 'refused').lower()}") from error
