"""The one byte form of a signed document: RFC 8785 of objects, lists, texts, whole numbers, true, false and null.

A document that is not in this form is refused, so that a name that stands twice, or a second writing of the same
content, can mean one thing to the one who signed and another to the one who reads.
"""

from __future__ import annotations

from typing import Any

from nagare.errors import InputError, UpdateRefusedError
from nagare.lib import canonical_json
from nagare.model.updates import Reason
from nagare.wire.codec import decode_any

DOCUMENT_LIMIT_BYTES = 512 * 2**10


def canonical(value: Any) -> bytes:
    """Return ``value`` in its one form. Raises UpdateRefusedError for what has none, such as a fraction."""
    try:
        return canonical_json.canonical(value)
    except InputError as error:
        raise UpdateRefusedError(error.message, reason=Reason.NOT_CANONICAL) from error


def read_canonical(content: bytes) -> Any:
    """Return what ``content`` says. Raises UpdateRefusedError for a document that is not canonical, or too long."""
    if len(content) > DOCUMENT_LIMIT_BYTES:
        raise UpdateRefusedError(
            f"cannot use document: it is longer than {DOCUMENT_LIMIT_BYTES} bytes", reason=Reason.TOO_LARGE
        )
    try:
        value = decode_any(content)
    except InputError as error:
        raise UpdateRefusedError(f"cannot use document: {error.message}", reason=Reason.MALFORMED) from error
    if canonical(value) != content:
        raise UpdateRefusedError(
            "cannot use document: it is not in canonical form (a name twice, other order, spaces)",
            reason=Reason.NOT_CANONICAL,
        )
    return value
