"""Reads typed fields out of the plain values of a definition, and keeps every fault with the place where it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from nagare.errors import InputError
from nagare.lib.nearest import did_you_mean
from nagare.lib.units import format_seconds, parse_duration
from nagare.model.event import Severity

E = TypeVar("E", bound=StrEnum)


class Faults:
    """What is wrong with one definition, each with a pointer."""

    def __init__(self, what: str) -> None:
        """Begin without any; ``what`` names the definition in the error."""
        self._what = what
        self._found: list[dict[str, str]] = []

    def add(self, place: str, cause: str) -> None:
        """Keep a fault at ``place`` (dotted)."""
        self._found.append({"pointer": f"#/{place.replace('.', '/')}", "detail": cause})

    def refuse(self) -> None:
        """Raise InputError when there was any."""
        if not self._found:
            return
        first = self._found[0]
        place = first["pointer"].removeprefix("#/").replace("/", ".")
        raise InputError(f"cannot use {self._what}: {place}: {first['detail']}", errors=list(self._found))


class Fields:
    """One table of a definition. Every read names its key, so that ``finish`` knows which keys nobody knows."""

    def __init__(self, table: Mapping[str, Any], place: str, faults: Faults) -> None:
        """Read from ``table``, which stands at ``place``."""
        self._table = table
        self._place = place
        self._faults = faults
        self._known: list[str] = []

    @property
    def faults(self) -> Faults:
        """Where the faults are kept, for tables within this one."""
        return self._faults

    @property
    def names(self) -> list[str]:
        """Every key that is given."""
        return list(self._table)

    def place_of(self, key: str) -> str:
        """Return the dotted place of ``key``."""
        return f"{self._place}.{key}" if self._place else key

    def fault(self, key: str, cause: str) -> None:
        """Keep a fault of ``key``."""
        self._faults.add(self.place_of(key), cause)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; without a default it must be there."""
        return str(self._read(key, str, "a text", default, ""))

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return whether a switch is on."""
        return bool(self._read(key, bool, "true or false", default=default, instead=default))

    def number(self, key: str, default: int | None, low: int, high: int) -> int:
        """Return a whole number within bounds; without a default it must be there."""
        value = self._read(key, int, "a whole number", default, low)
        if isinstance(value, bool):
            self.fault(key, "must be a whole number")
            return low
        if not low <= value <= high:
            self.fault(key, f"is {value}, and must be within {low} to {high}")
        return int(value)

    def find_number(self, key: str) -> int | None:
        """Return a whole number, None when it is not given."""
        self._known.append(key)
        return self.number(key, 0, -(2**53) + 1, 2**53 - 1) if self.has(key) else None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty when it is not given."""
        value = self._read(key, list, "a list of texts", [], [])
        if any(not isinstance(part, str) for part in value):
            self.fault(key, "must be a list of texts")
            return ()
        return tuple(value)

    def choice(self, key: str, kind: type[E], default: E | None) -> E:
        """Return a member of ``kind``; without a default it must be there."""
        given = self.text(key, default)
        try:
            return kind(given)
        except ValueError:
            near = did_you_mean(given, [member.value for member in kind])
            self.fault(key, f"must be one of {', '.join(kind)}" + (f"; {near}" if near else ""))
            return next(iter(kind))

    def table(self, key: str) -> Mapping[str, Any]:
        """Return a table, empty when it is not given."""
        value = self._read(key, dict, "a table", {}, {})
        return dict(value)

    def tables(self, key: str) -> list[Fields]:
        """Return the tables ``[[key]]``, none when it is not given."""
        given = self.raw(key)
        if given is None:
            return []
        if not isinstance(given, list) or not all(isinstance(table, Mapping) for table in given):
            self.fault(key, f"must be tables [[{key}]]")
            return []
        return [Fields(table, self.place_of(f"{key}.{place}"), self._faults) for place, table in enumerate(given)]

    def seconds(self, key: str, default: str | None, low: float, high: float) -> float:
        """Return a duration within bounds; without a default it must be there."""
        given = self.text(key, default)
        try:
            seconds = parse_duration(given)
        except InputError as error:
            if isinstance(self._table.get(key), str):
                cause = error.message.rpartition(": ")[2]
                self.fault(key, f"{cause}; {error.hint}" if error.hint else cause)
            return low
        if not low <= seconds <= high:
            bounds = f"{format_seconds(low)} to {format_seconds(high)}"
            self.fault(key, f"is {format_seconds(seconds)}, and must be within {bounds}")
        return seconds

    def severity(self, key: str, default: Severity | None = None) -> Severity:
        """Return a severity by its word; without a default it must be there."""
        given = self.text(key, None if default is None else default.name.lower())
        try:
            return Severity[given.upper()]
        except KeyError:
            if isinstance(self._table.get(key), str):
                self.fault(key, f"must be one of {', '.join(one.name.lower() for one in Severity)}")
            return Severity.INFO

    def raw(self, key: str) -> Any:
        """Return whatever stands there, None when nothing does."""
        self._known.append(key)
        return self._table.get(key)

    def has(self, key: str) -> bool:
        """Tell whether ``key`` is given."""
        return key in self._table

    def finish(self) -> None:
        """Keep a fault for each key that nobody asked for."""
        for key in self._table:
            if key not in self._known:
                near = did_you_mean(key, self._known)
                self.fault(key, f"is not known; {near}" if near else f"is not known; of use: {', '.join(self._known)}")

    def only(self, keys: Collection[str], why: str) -> None:
        """Keep a fault for each of ``keys`` that is given all the same."""
        for key in keys:
            if self.has(key):
                self.fault(key, why)

    def _read(self, key: str, kind: type, words: str, default: Any, instead: Any) -> Any:
        self._known.append(key)
        if key not in self._table:
            if default is None:
                self.fault(key, "is missing")
                return instead
            return default
        value = self._table[key]
        if not isinstance(value, kind):
            self.fault(key, f"must be {words}")
            return instead
        return value
