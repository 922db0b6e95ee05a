"""The one byte form of a document that is signed or hashed: RFC 8785 of objects, lists, texts, whole numbers and constants."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from nagare.errors import InputError

# What every reader of JSON keeps exactly.
_INTEGER_LIMIT = 2**53
_DEPTH_LIMIT = 16


def canonical(value: Any) -> bytes:
    """Return ``value`` in its one form. Raises InputError for what has none: a fraction, a name beyond ASCII, half a character."""
    _check(value, 0)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _unlawful("a text is no Unicode") from error


def canonical_sha256(value: Any) -> str:
    """Return the SHA-256 of ``value`` in its one form, in hex. Raises InputError."""
    return hashlib.sha256(canonical(value)).hexdigest()


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


def _unlawful(cause: str) -> InputError:
    return InputError(f"cannot use document: {cause}")
