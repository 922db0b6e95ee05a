"""What the parts of a file of notifications have in common: names and who uses them, times, secrets. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo

from nagare.errors import InputError
from nagare.lib.nearest import did_you_mean
from nagare.lib.zones import find_zone
from nagare.model.fields import Faults, Fields

DAY = 86_400.0
NAME_LIMIT = 64
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_PATH_LIMIT = 1000
# Zones are known for these years, and a slip of the pen is not.
_FIRST_YEAR, _LAST_YEAR = 1971, 2199
# Stands for one that has a fault.
_NO_MOMENT = datetime(_FIRST_YEAR, 1, 1)  # noqa: DTZ001  local time, as files say it


class Use(Enum):
    """What a name may be of; the value says it in words."""

    RECEIVER = "receiver"
    ON_DUTY = "receiver or rotation"
    ANYBODY = "receiver, rotation or escalation"
    MUTE = "mute time"


class Uses:
    """The names that a file uses, each with its place; whether they are there is known once all of it is read."""

    def __init__(self) -> None:
        """Begin without any."""
        self._found: list[tuple[str, str, Use]] = []

    def add(self, place: str, name: str, use: Use) -> None:
        """Keep that ``name`` is used at ``place``; an empty one is none."""
        if name:
            self._found.append((place, name, use))

    def check(self, faults: Faults, known: Mapping[Use, Collection[str]]) -> None:
        """Keep a fault for each name that is not among those of its use."""
        for place, name, use in self._found:
            if name not in known[use]:
                near = did_you_mean(name, known[use])
                faults.add(place, f"there is no {use.value} {name[:NAME_LIMIT]!r}" + (f"; {near}" if near else ""))


def read_tables(fields: Fields, key: str, limit: int) -> list[Fields]:
    """Return the tables ``[[key]]``, ``limit`` at the most."""
    found = fields.tables(key)
    if len(found) > limit:
        fields.fault(key, f"there are {len(found)}, {limit} at the most")
    return found[:limit]


def read_name(fields: Fields, default: str | None = None) -> str:
    """Return the name of a thing."""
    name = fields.text("name", default)
    if fields.has("name") and _NAME.fullmatch(name) is None:
        fields.fault("name", f"must be letters, digits, dot, hyphen and underscore, {NAME_LIMIT} at the most")
    return name


def read_names(fields: Fields, key: str, limit: int, uses: Uses, use: Use) -> tuple[str, ...]:
    """Return a list of names that are used, each once, ``limit`` at the most."""
    names = fields.texts(key)
    if len(names) > limit:
        fields.fault(key, f"has {len(names)} names, {limit} at the most")
    for place, name in enumerate(names[:limit]):
        if not name or name in names[:place]:
            fields.fault(f"{key}.{place}", f"names {name[:NAME_LIMIT]!r} twice" if name else "is empty")
        else:
            uses.add(fields.place_of(f"{key}.{place}"), name, use)
    return names[:limit]


def read_text(fields: Fields, key: str, limit: int, default: str | None = "") -> str:
    """Return a text of ``limit`` characters at the most."""
    text = fields.text(key, default)
    if len(text) > limit:
        fields.fault(key, f"has {len(text)} characters, {limit} at the most")
    return text


def read_zone(fields: Fields) -> ZoneInfo:
    """Return the zone, UTC when none is given."""
    name = fields.text("zone", "UTC")
    try:
        return find_zone(name)
    except InputError as error:
        if name:
            fields.fault("zone", f"{error.message.rpartition(': ')[2]}; {error.hint}")
        return ZoneInfo("UTC")


def read_moment(fields: Fields, key: str) -> datetime:
    """Return a moment, with an offset or without one; as a text (RFC 3339) or as TOML's own."""
    given = fields.raw(key)
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(given)
    except (TypeError, ValueError):
        fields.fault(key, "is missing" if given is None else "must be a moment such as 2026-01-05T09:00")
        return _NO_MOMENT
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        fields.fault(key, f"must be of the years {_FIRST_YEAR} to {_LAST_YEAR}")
        return _NO_MOMENT
    return moment


def read_secret(fields: Fields) -> tuple[str, str]:
    """Return the path of a file with a secret and the name of a variable with it: one of both at the most."""
    path, variable = fields.text("secret_file", ""), fields.text("secret_env", "")
    if path and (not path.startswith("/") or "\0" in path or len(path) > _PATH_LIMIT):
        fields.fault("secret_file", f"must be the whole path of a file, {_PATH_LIMIT} characters at the most")
    if variable and _VARIABLE.fullmatch(variable) is None:
        fields.fault("secret_env", "must be the name of a variable: letters, digits and underscore")
    if path and variable:
        fields.fault("secret_env", "is given beside secret_file: one of both is enough")
    return path, variable
