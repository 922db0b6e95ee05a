"""Bodies whose lines are all known: their bytes are compared and their numbers cut out by numpy, and parsed all at once.

Why its answer is that of the careful way. A line is taken apart at commas, spaces, equals signs and ends of lines; its
template says which of them follow on which, and which bytes stand between them but for the numbers. When those agree
with the body, from its first byte to its last, nothing is left to doubt but the numbers. What of these is not written as
JSON would write it is left to the careful way, with the whole body.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from nagare.errors import InputError
from nagare.interop.influx.grammar import INT64_MAX, INT64_MIN
from nagare.interop.influx.layouts import Layout
from nagare.interop.influx.series import FLOAT, INTEGER, SAME, STAMP, Shape, Template
from nagare.model.tables import ColumnType
from nagare.wire.codec import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENDS = b"\n ,="
_SIGNED = ord("i")
_TO_COMMAS = bytes.maketrans(b" \n", b",,")
_NUMBER_SIGNS = b"0123456789+-.eE,"
_INTEGER_SIGNS = b"0123456789-,"
# What is remembered of an order costs so much for a line and a number, about, beside the bytes of its lines.
_LINE_BYTES, _NUMBER_BYTES = 150, 50
# Orders that came once: only one that comes twice is worth its memory.
_SEEN = 4096
# Beginnings of bodies that are remembered because an attempt was in vain, and how many bodies are spared one at the most.
_BEGINNINGS, _LONGEST_WAIT = 4096, 16
Take = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A body whose last line is ended, and where in it tokens end."""

    signs: NDArray[np.uint8]
    ends: NDArray[np.intp]

    @staticmethod
    def of(text: bytes) -> Tokens:
        """Return ``text`` taken apart."""
        signs = np.frombuffer(text, dtype=np.uint8)
        return Tokens(signs, np.flatnonzero(_is_end(signs)))


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a body, each kind in the order in which they stand."""

    floats: list[float]
    integers: list[int]
    stamps: list[int]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Rows:
    """The lines of one shape and one layout in an order of lines: who they are of, and which numbers are theirs."""

    shape: Shape
    layout: Layout
    hosts: list[str]
    tags: dict[str, list[str]]
    lines: Take
    columns: tuple[Take, ...]

    def fields(self, numbers: Numbers) -> list[list[Any]]:
        """Return the columns of values."""
        return [
            list(take(numbers.floats if type_ is ColumnType.FLOAT else numbers.integers))
            for take, type_ in zip(self.columns, self.layout.types, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Order:
    """Lines in an order: what their bytes must be, and the rows that they are."""

    same: bytes
    delimiters: bytes
    classes: NDArray[np.uint8]
    # The tokens that are integers.
    integers: NDArray[np.intp]
    rows: tuple[Rows, ...]
    cost: int

    @staticmethod
    def of(templates: Sequence[Template]) -> Order:
        """Return the order of lines that look like ``templates``."""
        classes = np.frombuffer(b"".join([each.classes for each in templates]), dtype=np.uint8)
        same = b"".join([each.same for each in templates])
        delimiters = b"".join([each.delimiters for each in templates])
        numbers = int(np.count_nonzero(classes))
        cost = len(same) + 3 * len(delimiters) + _LINE_BYTES * len(templates) + _NUMBER_BYTES * numbers
        return Order(same, delimiters, classes, np.flatnonzero(classes == INTEGER), _rows(templates), cost)

    def read(self, tokens: Tokens) -> Numbers | None:
        """Return the numbers of a body, None when it does not look as it should."""
        signs, ends = tokens.signs, tokens.ends
        if len(ends) != len(self.delimiters) or signs[ends].tobytes() != self.delimiters:
            return None
        classes = np.repeat(self.classes, np.diff(ends, prepend=-1))
        if signs[classes == SAME].tobytes() != self.same:
            return None
        try:
            floats = _floats(signs[classes == FLOAT].tobytes())
            integers = self._integers(tokens, classes) if len(self.integers) else []
            stamps = _integers(signs[classes == STAMP].tobytes())
        except InputError:
            return None
        return None if floats is None or integers is None or stamps is None else Numbers(floats, integers, stamps)

    def _integers(self, tokens: Tokens, classes: NDArray[np.uint8]) -> list[int] | None:
        lasts = tokens.signs[tokens.ends[self.integers] - 1]
        found = tokens.signs[classes == INTEGER].tobytes()
        # Each ends with its sign, so if there are no more of them none is elsewhere.
        is_signed = bool((lasts == _SIGNED).all()) and found.count(_SIGNED) == len(lasts)
        return _integers(found.translate(None, bytes([_SIGNED]))) if is_signed else None


class Attempts:
    """Which bodies are worth an attempt: where it was in vain, by how a body begins, ever more of the next are spared it."""

    def __init__(self) -> None:
        """Begin with hope."""
        # How many are spared after the next failure, and how many still are.
        self._waits: dict[bytes, tuple[int, int]] = {}

    def is_worth(self, head: bytes) -> bool:
        """Tell whether a body that begins with ``head`` should be tried."""
        wait, left = self._waits.get(head, (1, 0))
        if left:
            self._waits[head] = wait, left - 1
        return not left

    def note(self, head: bytes, *, is_taken: bool) -> None:
        """Note what became of an attempt."""
        if is_taken:
            self._waits.pop(head, None)
            return
        if len(self._waits) >= _BEGINNINGS:
            self._waits.clear()
        wait, _ = self._waits.get(head, (1, 0))
        self._waits[head] = min(2 * wait, _LONGEST_WAIT), wait


class Orders:
    """The orders of lines that a sender repeats, forgotten in the order of their last use."""

    def __init__(self, limit_bytes: int) -> None:
        """Hold at most ``limit_bytes``, about."""
        self._limit = limit_bytes
        self._orders: OrderedDict[tuple[Template, ...], Order] = OrderedDict()
        self._seen: OrderedDict[int, None] = OrderedDict()
        # The one that was used last among those that begin alike.
        self._latest: dict[Template, Order] = {}
        self.held_bytes = 0

    def find(self, first: Template) -> Order | None:
        """Return the order that was used last among those that begin with a line like ``first``."""
        return self._latest.get(first)

    def get(self, templates: Sequence[Template]) -> Order:
        """Return the order of lines that look like ``templates``."""
        key = tuple(templates)
        order = self._orders.get(key)
        if order is not None:
            self._orders.move_to_end(key)
            self._latest[key[0]] = order
            return order
        order = Order.of(templates)
        if hash(key) in self._seen:
            self._keep(key, order)
        else:
            self._seen[hash(key)] = None
            if len(self._seen) > _SEEN:
                self._seen.popitem(last=False)
        return order

    def _keep(self, key: tuple[Template, ...], order: Order) -> None:
        self._orders[key] = self._latest[key[0]] = order
        self.held_bytes += order.cost
        while self.held_bytes > self._limit:
            gone_key, gone = self._orders.popitem(last=False)
            self.held_bytes -= gone.cost
            if self._latest.get(gone_key[0]) is gone:
                del self._latest[gone_key[0]]


def _is_end(signs: NDArray[np.uint8]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = signs == _ENDS[0]
    for end in _ENDS[1:]:
        found |= signs == end
    return found


def _floats(found: bytes) -> list[float] | None:
    """Return numbers that are each followed by a comma or a space. Raises InputError."""
    text = found.translate(_TO_COMMAS)
    # JSON allows blanks around numbers and a list of nothing, and its reader takes the sign of a whole zero away.
    if text.translate(None, _NUMBER_SIGNS) or b",-0," in b"," + text or text == b",":
        return None
    return decode(b"[%b]" % text[:-1], list[float])


def _integers(found: bytes) -> list[int] | None:
    text = found.translate(_TO_COMMAS)
    if text.translate(None, _INTEGER_SIGNS) or text == b",":
        return None
    numbers = decode(b"[%b]" % text[:-1], list[int])
    return numbers if not numbers or (min(numbers) >= INT64_MIN and max(numbers) <= INT64_MAX) else None


def _rows(templates: Sequence[Template]) -> tuple[Rows, ...]:
    # Of each line its place, and how many numbers of each kind stand before it.
    groups: dict[tuple[Shape, Layout], tuple[list[int], list[int], list[int]]] = {}
    floats = integers = 0
    for line, template in enumerate(templates):
        key = (template.series.shape, template.layout)
        group = groups.get(key)
        if group is None:
            group = groups[key] = ([], [], [])
        group[0].append(line)
        group[1].append(floats)
        group[2].append(integers)
        floats += template.floats
        integers += template.integers
    return tuple(_group(*key, *group, templates) for key, group in groups.items())


def _group(
    shape: Shape,
    layout: Layout,
    lines: Sequence[int],
    floats: Sequence[int],
    integers: Sequence[int],
    templates: Sequence[Template],
) -> Rows:
    columns: list[Take] = []
    number = {ColumnType.FLOAT: 0, ColumnType.INTEGER: 0}
    for type_ in layout.types:
        before, offset = floats if type_ is ColumnType.FLOAT else integers, number[type_]
        columns.append(_take([place + offset for place in before]))
        number[type_] += 1
    series = [templates[line].series for line in lines]
    tags = zip(*(each.tags for each in series), strict=True)
    return Rows(
        shape,
        layout,
        [each.host for each in series],
        dict(zip(shape.keys, map(list, tags), strict=True)),
        _take(lines),
        tuple(columns),
    )


def _take(places: Sequence[int]) -> Take:
    """Return what takes the items at ``places``."""
    if len(places) == 1:
        return itemgetter(slice(places[0], places[0] + 1))
    take: Take = itemgetter(*places)
    return take
