"""The filter line of lists: words, ``cpu>80``, ``name:web``, ``role:db``, ``!`` for not. Parsing and matching are pure.

Terms are joined by *and*; ``name:a,b`` means either. A lone ``!`` in front turns the whole filter around. Numbers are
written as they are shown: ratios in percent, bytes with K M G, durations with s m h d.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nagare.errors import InputError
from nagare.lib.nearest import find_nearest
from nagare.lib.plain_text import plain
from nagare.lib.units import parse_duration
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.row_store import RowStore

Mask = NDArray[np.bool_]

_TOKEN = re.compile(r"""\s*((?:"[^"]*"?|[^\s"])+)""")
_COMPARISON = re.compile(r"(?P<name>[^<>=:!\"]+)(?P<op>>=|<=|==|!=|>|<|=)(?P<value>.*)", re.DOTALL)
_LABEL = re.compile(r"(?P<name>[^<>=:!\"/]+):(?P<value>.*)", re.DOTALL)
_NUMBER = re.compile(r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)(?P<suffix>[%A-Za-z/°]*)")
_POWERS = MappingProxyType({"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6})
_OPERATORS: Mapping[str, Callable[[Any, float], Any]] = MappingProxyType(
    {
        ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
        "=": np.isclose, "==": np.isclose, "!=": lambda values, wanted: ~np.isclose(values, wanted),
    }
)  # fmt: skip


class FilterError(InputError):
    """The filter text cannot be read; ``position`` counts characters from 0, ``nearest`` is the column meant."""

    code = "filter-invalid"

    def __init__(self, message: str, *, position: int, nearest: str | None = None) -> None:
        """Keep where the fault stands and what was probably meant."""
        super().__init__(message, hint=f"did you mean {nearest!r}?" if nearest else "", context={"position": position})
        self.position = position
        self.nearest = nearest


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a filter. ``column`` None looks into every text column."""

    negated: bool
    column: str | None
    op: str
    words: tuple[str, ...] = ()
    number: float = math.nan


@dataclass(frozen=True, slots=True)
class RowFilter:
    """A parsed filter; the empty one matches every row."""

    text: str = ""
    terms: tuple[Term, ...] = ()
    inverted: bool = False

    def mask(self, store: RowStore, slots: NDArray[np.intp]) -> Mask:
        """Tell for each of ``slots`` whether its row matches."""
        matched = np.ones(slots.size, dtype=np.bool_)
        for term in self.terms:
            matched &= _term_mask(term, store, slots)
        return ~matched if self.inverted else matched

    def __bool__(self) -> bool:
        """Tell whether there is anything to match."""
        return bool(self.terms)


def parse_filter(text: str, columns: Sequence[ColumnSpec]) -> RowFilter:
    """Return the filter that ``text`` says. Raises FilterError with the position of the first fault."""
    known = {column.key.casefold(): column for column in columns}
    known.update({column.title.casefold(): column for column in columns if column.title})
    terms: list[Term] = []
    inverted = False
    for match in _TOKEN.finditer(text):
        if match[1] == "!" and not terms and not inverted:
            inverted = True
            continue
        terms.append(_parse_term(match[1], match.start(1), known))
    return RowFilter(text, tuple(terms), inverted and bool(terms))


def _parse_term(token: str, at: int, known: Mapping[str, ColumnSpec]) -> Term:
    negated = token.startswith("!")
    body = token[1:] if negated else token
    start = at + int(negated)
    if not body:
        raise FilterError("cannot read filter: nothing follows '!'", position=at)
    if body.count('"') % 2:
        raise FilterError("cannot read filter: a quotation mark is not closed", position=start + body.index('"'))
    comparison = _COMPARISON.fullmatch(body)
    if comparison:
        return _parse_comparison(comparison, start, negated, known)
    label = _LABEL.fullmatch(body)
    if label:
        return _parse_label(label, start, negated, known)
    return Term(negated, None, "word", (_unquoted(body).casefold(),))


def _parse_label(match: re.Match[str], at: int, negated: bool, known: Mapping[str, ColumnSpec]) -> Term:  # noqa: FBT001  a part of the token
    words = tuple(_unquoted(word).casefold() for word in match["value"].split(",") if word)
    if not words:
        raise FilterError(
            f"cannot read filter: no value follows {plain(match['name'])}:", position=at + match.end("name")
        )
    column = known.get(match["name"].casefold())
    if column is None:
        return Term(negated, match["name"], "label", words)
    if column.is_numeric:
        number = _parse_number(match["value"], column, at + match.start("value"))
        return Term(negated, column.key, "=", words, number)
    return Term(negated, column.key, "word", words)


def _parse_comparison(match: re.Match[str], at: int, negated: bool, known: Mapping[str, ColumnSpec]) -> Term:  # noqa: FBT001  a part of the token
    name, op, value = match["name"], match["op"], match["value"]
    column = known.get(name.casefold())
    if column is None:
        nearest = find_nearest(name, sorted({spec.key for spec in known.values()}))
        raise FilterError(f"cannot filter by {plain(name)!r}: no such column", position=at, nearest=nearest)
    if not value:
        raise FilterError(f"cannot read filter: no value follows {plain(name)}{op}", position=at + match.end("op"))
    if column.is_numeric:
        return Term(negated, column.key, op, (), _parse_number(value, column, at + match.start("value")))
    if op in ("=", "==", "!="):
        return Term(negated != (op == "!="), column.key, "equal", (_unquoted(value).casefold(),))
    raise FilterError(f"cannot compare {column.key} by {op}: it holds text", position=at + match.start("op"))


def _parse_number(text: str, column: ColumnSpec, at: int) -> float:
    """Read a number as the column shows it."""
    number = _read_number(text, column.kind)
    if number is None:
        example = f"{column.key}>{_EXAMPLES.get(column.kind, '80')}"
        message = f"cannot read {plain(text)!r} as a value of {column.key}: write it like {example}"
        raise FilterError(message, position=at)
    return number


def _read_number(text: str, kind: CellKind) -> float | None:
    if kind in (CellKind.SECONDS, CellKind.AGE):
        try:
            return parse_duration(text)
        except InputError:
            return None
    match = _NUMBER.fullmatch(text.removesuffix("/s"))
    factor = _find_factor(match["suffix"], kind) if match else None
    return float(match["number"]) * factor if match and factor is not None else None


_EXAMPLES = MappingProxyType(
    {
        CellKind.RATIO: "80%", CellKind.BYTES: "1.5G", CellKind.RATE: "10M/s", CellKind.SECONDS: "5ms",
        CellKind.AGE: "5m", CellKind.CELSIUS: "70", CellKind.COUNT: "12k",
    }
)  # fmt: skip


def _find_factor(suffix: str, kind: CellKind) -> float | None:
    if kind is CellKind.RATIO and suffix in ("", "%"):
        return 0.01
    if kind is CellKind.CELSIUS and suffix.casefold() in ("", "c", "°", "°c"):
        return 1.0
    folded = suffix.casefold().removesuffix("ib") if len(suffix) > 2 else suffix.casefold()
    folded = folded.removesuffix("b")
    if kind in (CellKind.RATIO, CellKind.CELSIUS) or folded not in _POWERS:
        return None
    return (1024.0 if kind in (CellKind.BYTES, CellKind.RATE) else 1000.0) ** _POWERS[folded]


def _unquoted(text: str) -> str:
    return text.replace('"', "")


def _term_mask(term: Term, store: RowStore, slots: NDArray[np.intp]) -> Mask:
    matched = _positive_mask(term, store, slots)
    return ~matched if term.negated else matched


def _positive_mask(term: Term, store: RowStore, slots: NDArray[np.intp]) -> Mask:
    if term.column is not None and term.column in store.numbers:
        values = store.numbers[term.column][slots]
        known = np.isfinite(values)
        return np.asarray(known & _OPERATORS[term.op](np.where(known, values, 0.0), term.number), dtype=np.bool_)
    match term.op:
        case "label":
            test = _label_test(term, store)
        case "equal":
            column = store.objects.get(term.column or "", [])
            test = lambda slot: str(column[slot] if column[slot] is not None else "").casefold() in term.words  # noqa: E731  one of four tests
        case _ if term.column is not None:
            named = store.objects.get(term.column, [])
            test = lambda slot: _holds(named[slot], term.words)  # noqa: E731  one of four tests
        case _:
            texts = _text_columns(store)
            test = lambda slot: any(_holds(column[slot], term.words) for column in texts)  # noqa: E731  one of four tests
    return np.fromiter((test(slot) for slot in slots.tolist()), dtype=np.bool_, count=slots.size)


def _label_test(term: Term, store: RowStore) -> Callable[[int], bool]:
    name = (term.column or "").casefold()
    texts = _text_columns(store)
    spelled = tuple(f"{name}:{word}" for word in term.words)

    def test(slot: int) -> bool:
        labels = store.labels[slot]
        value = labels.get(term.column or "")
        if value is None:
            value = next((text for key, text in labels.items() if key.casefold() == name), None)
        if value is not None:
            return _holds(value, term.words)
        # An address or a URL holds a colon too.
        return any(_holds(column[slot], spelled) for column in texts)

    return test


def _text_columns(store: RowStore) -> list[list[Any]]:
    kinds = (CellKind.TEXT, CellKind.STATE)
    return [column for name, column in store.objects.items() if store.columns[name].kind in kinds]


def _holds(value: Any, words: tuple[str, ...]) -> bool:
    if value is None:
        return False
    folded = str(value).casefold()
    return any(word in folded for word in words)
