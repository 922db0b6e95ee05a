"""Numbers and truths in the query of a URL: read within bounds, refused with the name of the parameter."""

from __future__ import annotations

from collections.abc import Mapping

from nagare.errors import InputError

# No parameter is beyond it; as milliseconds it is the year 5138.
_MOST = 10**14


def whole_number(query: Mapping[str, str], name: str, verb: str, least: int = -_MOST, most: int = _MOST) -> int | None:
    """Return the parameter ``name`` of a request that means to ``verb``, or None where it is not given.

    Raises InputError unless it is a whole number in plain digits from ``least`` to ``most``.
    """
    text = query.get(name)
    if text is None:
        return None
    is_plain = text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 16
    if is_plain and least <= int(text) <= most:
        return int(text)
    bounds = f" from {least} to {most}" if most < _MOST else f", {least} or more" if least > -_MOST else ""
    cause = f"must be a whole number{bounds}"
    raise InputError(f"cannot {verb}: {name} {cause}", errors=[{"parameter": name, "detail": cause}])


def truth(query: Mapping[str, str], name: str, verb: str) -> bool:
    """Return the parameter ``name`` of a request that means to ``verb``, false where it is not given. Raises InputError."""
    text = query.get(name, "false")
    if text in ("true", "false"):
        return text == "true"
    cause = "must be true or false"
    raise InputError(f"cannot {verb}: {name} {cause}", errors=[{"parameter": name, "detail": cause}])
