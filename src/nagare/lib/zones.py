"""Time zones by name, as people write them."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nagare.errors import InputError

# Files beside the zones: what they mean differs from host to host, or is no zone of a place.
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory", "posix", "right"})


def find_zone(name: str) -> ZoneInfo:
    """Return the zone of that name. Raises InputError."""
    if name.partition("/")[0] in _NO_ZONES:
        raise _no_zone(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _no_zone(name) from error


def _no_zone(name: str) -> InputError:
    cause = "there is no such zone"
    return InputError(
        f"cannot use zone {name[:80]!r}: {cause}",
        hint="an IANA name is meant, such as Europe/Berlin or UTC",
        errors=[{"pointer": "#/zone", "detail": cause}],
    )
