"""Reads what ``systemctl`` prints: pure functions from its output to units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nagare.collect.reading.rows import clean_text
from nagare.collect.reading.tree import dig_dicts, dig_text, parse_json

# Old versions take ``--output=json`` for the journal's and print the table: ``--plain`` makes that one readable.
LIST_ARGUMENTS = ("list-units", "--all", "--full", "--plain", "--no-legend", "--no-pager", "--output=json")
PROPERTIES = "Id,LoadState,ActiveState,SubState,Result,NRestarts,StateChangeTimestampMonotonic"
SHOW_ARGUMENTS = ("show", "--no-pager", f"--property={PROPERTIES}", "--")


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit as ``list-units`` shows it."""

    name: str
    load: str
    active: str
    sub: str

    @property
    def is_bad(self) -> bool:
        """Whether it failed, or is about to be started again after it did."""
        return self.active == "failed" or self.sub == "auto-restart"


def parse_units(output: bytes) -> list[Unit]:
    """Return the units of ``list-units``, as JSON or as a plain table; entries that do not parse are left out."""
    if output.lstrip().startswith(b"["):
        return list(_from_json(output))
    units: list[Unit] = []
    for line in output.split(b"\n"):
        words = line.split(None, 4)
        if len(words) >= 4:
            units.append(Unit(*(clean_text(word, 255) for word in words[:4])))
    return units


def _from_json(output: bytes) -> Iterator[Unit]:
    for entry in dig_dicts({"units": parse_json(output)}, "units"):
        words = [dig_text(entry, key) for key in ("unit", "load", "active", "sub")]
        name, load, active, sub = words
        if name and load and active and sub:
            yield Unit(name, load, active, sub)


def parse_properties(output: bytes) -> Mapping[str, Mapping[str, str]]:
    """Return the properties of ``show`` by unit name; blocks are separated by an empty line."""
    found: dict[str, Mapping[str, str]] = {}
    for block in output.split(b"\n\n"):
        lines = (line.partition(b"=") for line in block.split(b"\n"))
        properties = {clean_text(name, 64): clean_text(value, 255) for name, equals, value in lines if equals}
        if properties.get("Id"):
            found[properties["Id"]] = properties
    return found
