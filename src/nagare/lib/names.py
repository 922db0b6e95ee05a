"""Lawful names of tables and columns, and the quoting of names that come from outside."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from nagare.errors import InvalidLabelError

IDENTIFIER_LIMIT = 63
HOST_LIMIT = 253
# Linux allows 255 bytes; the rest is for the suffixes of temporary and rotated files.
PATH_NAME_LIMIT = 220
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?")


def is_identifier(name: str) -> bool:
    """Tell whether ``name`` may be a table or a column: lower case letters, digits, underscores, 63 at most."""
    return _IDENTIFIER.fullmatch(name) is not None


def check_host(name: str) -> str:
    """Return ``name`` if it may name a host. Raises InvalidLabelError."""
    if _HOST.fullmatch(name) is None:
        raise InvalidLabelError(
            f"cannot use host name {name[:80]!r}: letters, digits, dot, hyphen, underscore and colon are lawful, 253 at most"
        )
    return name


def path_name(name: str) -> str:
    """Return ``name`` percent-encoded to ``[A-Za-z0-9_-]`` and ``%``, so that it cannot leave its folder.

    Raises InvalidLabelError for a name that is empty, is no Unicode text, or is too long for a file's name.
    """
    try:
        encoded = quote(name, safe="").replace(".", "%2E").replace("~", "%7E")
    except UnicodeEncodeError as error:
        raise InvalidLabelError("cannot use name as a file's name: it is no Unicode text") from error
    if not 0 < len(encoded) <= PATH_NAME_LIMIT:
        raise InvalidLabelError(
            f"cannot use name {name[:40]!r} as a file's name: {len(encoded)} bytes, 1 to {PATH_NAME_LIMIT} are lawful"
        )
    return encoded


def from_path_name(encoded: str) -> str:
    """Return the name that ``path_name`` encoded."""
    return unquote(encoded)
