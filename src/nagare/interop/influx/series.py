"""The series of lines: what their heads, measurement and tags, stand for, and how their lines looked last."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from nagare.interop.influx.layouts import Layout
from nagare.model.tables import ColumnType

_DELIMITERS = re.compile(rb"[,= ]")
# Layouts that the lines of one series may take in turn.
_LAYOUTS = 4
# The class of each token of a line, and of what ends it: is it always the same, or which kind of number is it?
SAME, FLOAT, INTEGER, STAMP = range(4)
_CLASSES = {ColumnType.FLOAT: FLOAT, ColumnType.INTEGER: INTEGER}


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A measurement with the keys of its tags: what all its lines have in common."""

    measurement: str
    keys: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Series:
    """A known head; ``layouts`` are those of its latest lines, the last one first, with their templates."""

    shape: Shape
    host: str
    tags: tuple[str, ...]
    layouts: dict[Layout, Template | None] = field(default_factory=dict)

    def note(self, head: bytes, layout: Layout) -> bool:
        """Put ``layout`` first; return whether it was not known."""
        is_new = layout not in self.layouts
        template = Template.of(head, self, layout) if is_new else self.layouts.pop(layout)
        kept = list(self.layouts.items())[: _LAYOUTS - 1]
        self.layouts = {layout: template, **dict(kept)}
        return is_new

    def match(self, rest: bytes) -> tuple[Layout, re.Match[bytes]] | None:
        """Return the layout that fits what stands behind the head, and how, or None."""
        for layout in self.layouts:
            found = layout.match(rest)
            if found is not None:
                return layout, found
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A line with its head and its keys, but for the numbers: what every line of ``series`` in this layout looks like.

    ``same`` are all its bytes but those of numbers and what ends them, ``delimiters`` what ends each token, in order, and
    ``classes`` the kind of each token; the other three are counts.
    """

    series: Series
    layout: Layout
    same: bytes
    delimiters: bytes
    classes: bytes
    commas: int
    floats: int
    integers: int

    @staticmethod
    def of(head: bytes, series: Series, layout: Layout) -> Template | None:
        """Return the template of lines that begin with ``head``, None when their fields are not all numbers."""
        if not all(type_ in _CLASSES for type_ in layout.types):
            return None
        delimiters = b"".join(_DELIMITERS.findall(head)) + b" "
        kinds = [_CLASSES[type_] for type_ in layout.types]
        classes = [SAME] * len(delimiters)
        for kind in kinds:
            classes += (SAME, kind)
        delimiters += b",".join([b"="] * len(kinds)) + b" \n"
        same = head + b" " + b"".join(key.encode() + b"=" for key in layout.keys)
        commas, floats, integers = delimiters.count(b","), kinds.count(FLOAT), kinds.count(INTEGER)
        return Template(series, layout, same, delimiters, bytes([*classes, STAMP]), commas, floats, integers)

    def fitting(self, line: bytes) -> Template:
        """Return the template of the same series that ``line`` may fit, by how many fields it has."""
        commas = line.count(b",")
        if commas == self.commas:
            return self
        others = (each for each in self.series.layouts.values() if each is not None)
        return next((each for each in others if each.commas == commas), self)
