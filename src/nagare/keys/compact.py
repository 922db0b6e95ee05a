"""JWS in compact form (RFC 7515), read in the one way in which it may be written.

The libraries below are lenient: they pass over foreign characters, padding and leftover bits of base64, and take the last of two
members of one name. A token would then have many texts, and two readers could see two different headers in one.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from nagare.errors import InputError
from nagare.wire.codec import decode

_PARTS = 3


def read_header(token: str) -> dict[str, Any]:
    """Return the header of a token whose three parts are whole; it is not verified. Raises InputError."""
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise _unreadable("it has not three parts")
    header, _, _ = (_raw(part) for part in parts)
    return read_object(header)


def read_object(content: bytes) -> dict[str, Any]:
    """Return the JSON object in ``content``. Raises InputError, also when one name stands in an object twice."""
    found = decode(content, dict[str, Any])
    try:
        json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _unreadable("a name stands in it twice") from error
    return found


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError
    return found


def _raw(part: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise _unreadable("a part is no base64url") from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != part.encode():
        raise _unreadable("a part is not written as base64url is")
    return raw


def _unreadable(cause: str) -> InputError:
    return InputError(f"cannot read token: {cause}")
