"""Names in the network: what a label of a host names, and what a probe's target is an address of. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from nagare.lib.plain_text import plain

NAME_LIMIT = 120
_BETWEEN = re.compile(r"[,\s]+")
_LOCAL = frozenset({"localhost", "::1", "0.0.0.0", "::"})  # noqa: S104  names in targets, nothing is bound


def names_in(value: str) -> list[str]:
    """Return the names of a label's value: one, or several with commas or spaces between them."""
    if value.isascii() and value.isprintable() and "," not in value and " " not in value:
        # Nearly all of them, and asked of every host again and again.
        return [value[:NAME_LIMIT]] if value else []
    return [plain(name, NAME_LIMIT) for name in _BETWEEN.split(value) if name]


def endpoint_of(target: str, kind: str) -> str:
    """Return the host of a probe's target, without scheme, port and path; the target itself where it has none of them."""
    if kind == "http":
        try:
            name = urlsplit(target).hostname or ""
        except ValueError:
            name = ""
    elif kind == "tcp":
        name = _before_port(target)
    else:
        name = target.removesuffix(".")
    return plain(name or target, NAME_LIMIT)


def is_local(name: str) -> bool:
    """Tell whether an address is of whoever uses it."""
    return name.lower() in _LOCAL or name.startswith("127.")


def _before_port(target: str) -> str:
    if target.startswith("["):
        return target[1:].partition("]")[0]
    return target.rpartition(":")[0] if target.count(":") == 1 else target
