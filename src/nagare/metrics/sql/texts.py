"""What a statement's WHERE says about names and hosts, as far as it is certain, so that rows of others need not be looked at.

Believed is what ``sql.bounds`` believes of times: conditions that every row of an answer must fulfil, between a column and
constant texts. What is not understood lets any text pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from types import MappingProxyType
from typing import Any

from nagare.metrics.rollups.plain_time import Parameters, parameter
from nagare.metrics.sql.bounds import Node, Select, find_places

# More of them are a list that a program made: DuckDB looks it up as quickly.
_TEXTS_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts that each column of a row may have; a column that is not there may have any."""

    allowed: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))

    def both(self, other: Texts) -> Texts:
        """Return what fulfils the one and the other."""
        met = {name: texts & other.allowed.get(name, texts) for name, texts in self.allowed.items()}
        return Texts({**other.allowed, **met})

    def either(self, other: Texts) -> Texts:
        """Return what holds all that fulfils the one or the other."""
        shared = self.allowed.keys() & other.allowed.keys()
        return Texts({name: self.allowed[name] | other.allowed[name] for name in shared})


ANY = Texts()


def find_texts(tree: Node, columns: Sequence[str], params: Parameters) -> dict[str, Texts]:
    """Return what rows of each table that ``tree`` names may have in ``columns``, by the table's name in lower case."""
    found = find_places(tree, lambda select: _told(select, columns, params), ANY)
    return {table: reduce(Texts.either, places) for table, places in found.items()}


def _told(select: Select, columns: Sequence[str], params: Parameters) -> Iterator[tuple[int, Texts]]:
    for source, where in select.places():
        yield id(source), _Condition(select, source, columns, params).of(where)


@dataclass(frozen=True, slots=True)
class _Condition:
    """Reads the WHERE of one SELECT for one table of its FROM."""

    select: Select
    source: Node
    columns: Sequence[str]
    params: Parameters

    def of(self, node: Node) -> Texts:
        kind = str(node.get("type"))
        if kind in ("CONJUNCTION_AND", "CONJUNCTION_OR"):
            join = Texts.both if kind == "CONJUNCTION_AND" else Texts.either
            return reduce(join, [self.of(child) for child in node["children"]])
        if kind == "COMPARE_EQUAL" and node.get("class") == "COMPARISON":
            return self._among(node["left"], [node["right"]]).both(self._among(node["right"], [node["left"]]))
        if kind == "COMPARE_IN" and node.get("class") == "OPERATOR" and len(node["children"]) <= _TEXTS_LIMIT:
            return self._among(node["children"][0], node["children"][1:])
        return ANY

    def _among(self, column: Node, values: Sequence[Node]) -> Texts:
        name = next((name for name in self.columns if self.select.is_column(column, self.source, name)), None)
        texts = [self._text(value) for value in values]
        if name is None or None in texts:
            return ANY
        return Texts({name: frozenset(text for text in texts if text is not None)})

    def _text(self, node: Node) -> str | None:
        found: Any = None
        if node.get("class") == "PARAMETER":
            found = parameter(self.params, str(node.get("identifier", "")))
        elif node.get("class") == "CONSTANT" and (node.get("literal") or {}).get("kind") == "STRING":
            found = node["literal"].get("text")
        return found if isinstance(found, str) else None
