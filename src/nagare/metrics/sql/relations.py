"""What sources and queries yield, as far as sizes go, and how a name finds its column in them.

Names are followed as DuckDB follows them, or more widely: where two things may be meant, the wider one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nagare.metrics.sql import growth


class Extent(NamedTuple):
    """How large a value may be, in bytes, and of how many steps it is made."""

    size: int
    steps: int


NOTHING = Extent(0, 0)
FIXED = Extent(growth.FIXED, 1)
CELL = Extent(growth.CELL, 1)


def widest(extents: Iterable[Extent]) -> Extent:
    """Return an extent that none of ``extents`` passes."""
    found = NOTHING
    for extent in extents:
        found = Extent(max(found.size, extent.size), max(found.steps, extent.steps))
    return found


@dataclass(slots=True)
class Relation:
    """What a source or a query yields: extents by column name, and of all columns whose name is not known."""

    columns: dict[str, Extent] = field(default_factory=dict)
    rest: Extent = NOTHING
    # In order, while every place is known.
    places: list[Extent] | None = None

    def find(self, name: str) -> Extent:
        """Return what a column of this name may be."""
        return self.columns.get(name, self.rest)

    def widest(self) -> Extent:
        """Return the widest of all columns."""
        return widest([*self.columns.values(), self.rest])

    def renamed(self, names: Sequence[str]) -> Relation:
        """Return the same under a list of column names, as an alias brings it."""
        if not names:
            return self
        places = self.places
        if places is not None and len(places) >= len(names):
            given = {name.lower(): places[at] for at, name in enumerate(names)}
            return Relation(self.columns | given, self.rest, places)
        widest = self.widest()
        return Relation(self.columns | {name.lower(): widest for name in names}, widest)


BASE = Relation({}, CELL)
NUMBERS = Relation({}, FIXED)


@dataclass(slots=True)
class Scope:
    """Where names are looked up: the sources of one SELECT, its aliases so far, and what is around it."""

    outer: Scope | None = None
    sources: list[tuple[str, Relation]] = field(default_factory=list)
    aliases: dict[str, Extent] = field(default_factory=dict)

    def find(self, path: Sequence[str]) -> Extent:
        """Return what a column named by ``path`` may be, here or around."""
        name = path[0].lower()
        of_source = [relation for alias, relation in self.sources if alias == name]
        if len(path) > 1 and of_source:
            return widest(relation.find(path[1].lower()) for relation in of_source)
        found = [relation.find(name) for _, relation in self.sources]
        found += [relation.widest() for relation in of_source]
        found.append(self.aliases.get(name, NOTHING))
        if self.outer is not None:
            found.append(self.outer.find(path))
        return widest(found)

    def merged(self) -> Relation:
        """Return all sources side by side, as a star yields them."""
        merged = Relation({}, widest(relation.rest for _, relation in self.sources))
        for _, relation in self.sources:
            for name, extent in relation.columns.items():
                merged.columns[name] = widest((extent, merged.columns.get(name, NOTHING)))
        return merged


def united(relations: Sequence[Relation], *, by_name: bool = False) -> Relation:
    """Return what a set operation yields: by place where all places are known, else as wide as anything in it."""
    first = relations[0]
    listed = [relation.places for relation in relations if relation.places is not None]
    is_known = len(listed) == len(relations) and len({len(places) for places in listed}) == 1
    if is_known and not by_name and len(first.columns) == len(listed[0]):
        places = [widest(column) for column in zip(*listed, strict=True)]
        return Relation(dict(zip(first.columns, places, strict=True)), NOTHING, places)
    wide = widest(relation.widest() for relation in relations)
    return Relation({name: wide for relation in relations for name in relation.columns}, wide)


def as_values(relation: Relation) -> Relation:
    """Return ``relation`` as it is read once it was made: as large, and of no steps."""
    columns = {name: Extent(extent.size, 1) for name, extent in relation.columns.items()}
    return Relation(columns, Extent(relation.rest.size, 1), None)
