"""The one byte form of a signed document: RFC 8785 of objects, lists, texts, whole numbers, true, false and null.

A document that is not in this form is refused, so that a name that stands twice, or a second writing of the same
content, can mean one thing to the one who signed and another to the one who reads.
"""

from __future__ import annotations

import json
from typing import Any

from nagare.errors import InputError, UpdateRefusedError
from nagare.model.updates import Reason
from nagare.wire.codec import decode_any

# What every reader of JSON keeps exactly.
_INTEGER_LIMIT = 2**53
_DEPTH_LIMIT = 16
DOCUMENT_LIMIT_BYTES = 512 * 2**10


def canonical(value: Any) -> bytes:
    """Return ``value`` in its one form. Raises UpdateRefusedError for what has none, such as a fraction."""
    _check(value, 0)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


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


def _check(value: Any, depth: int) -> None:
    if depth > _DEPTH_LIMIT:
        raise _unlawful("it is nested too deeply")
    if isinstance(value, dict):
        for name, part in value.items():
            # Other names would be sorted in one way by one reader and in another by the next.
            if not (isinstance(name, str) and name.isascii()):
                raise _unlawful("a name is not ASCII")
            _check(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            _check(part, depth + 1)
    elif not (value is None or (isinstance(value, str | int) and _is_exact(value))):
        raise _unlawful("a number is not a whole one, or too large")


def _is_exact(value: str | int) -> bool:
    return isinstance(value, str) or -_INTEGER_LIMIT < value < _INTEGER_LIMIT


def _unlawful(cause: str) -> UpdateRefusedError:
    return UpdateRefusedError(f"cannot use document: {cause}", reason=Reason.NOT_CANONICAL)
