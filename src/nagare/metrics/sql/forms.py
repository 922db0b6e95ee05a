"""What statements have in common that differ only in the texts they compare with: hosts, names, times.

DuckDB's own tokens say where the texts of a statement stand. Which of them are free, so that any other may stand in their
place, is found by having another statement parsed whose texts are all different: the trees must be one, but for constants
that are compared or become times. All others, as the unit of a date_trunc(), are part of the form.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

# No form is made of longer statements, or of more texts: those are a program's.
_LENGTH_LIMIT, _TEXTS_LIMIT = 8192, 128
# Without a sign that means something in SQL or in the names that DuckDB gives to columns.
_PLAIN = re.compile(rb"'([^\x00-\x1f'\"()\\\x7f-\xff]+)'")
# Longer than most texts that are compared with.
OTHER_LENGTH = 64
# Stands for a text; no statement with a form has it.
_HOLE = "\x00"
_LOCATIONS = frozenset({"query_location", "query_location_length"})
_COMPARED = frozenset({"COMPARISON", "BETWEEN"})
_LISTED = frozenset({"COMPARE_IN", "COMPARE_NOT_IN"})
_TIMES = frozenset(
    {"DATE", "DATETIME", "INTERVAL", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
)

Node = Mapping[str, Any]
# Keys and places from the root of a tree down to a node.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """A statement cut at its plain texts: what stands before, between and after them, and they."""

    pieces: tuple[str, ...]
    texts: tuple[str, ...]

    @staticmethod
    def of(sql: str) -> Cut:
        """Return ``sql`` cut; uncut where no form is to be made of it."""
        content = sql.encode()
        if len(content) > _LENGTH_LIMIT or _HOLE in sql:
            return Cut((sql,), ())
        tokens = duckdb.tokenize(sql)
        ends = [start for start, _ in tokens[1:]] + [len(content)]
        pieces, texts, begin = [], [], 0
        for (start, kind), end in zip(tokens, ends, strict=bool(tokens)):
            if kind == duckdb.token_type.string_const and (found := _PLAIN.fullmatch(content[start:end].rstrip())):
                pieces.append(content[begin : start + 1].decode())
                texts.append(found[1].decode())
                begin = start + len(found[1]) + 1
        pieces.append(content[begin:].decode())
        return Cut(tuple(pieces), tuple(texts)) if len(texts) <= _TEXTS_LIMIT else Cut((sql,), ())

    def filled(self, texts: Sequence[str]) -> str:
        """Return the statement with other texts."""
        return _joined(self.pieces, texts)

    def holed(self, free: Collection[int]) -> str:
        """Return the statement with a hole for each of its texts whose number is one of ``free``."""
        return _joined(self.pieces, [_HOLE if place in free else text for place, text in enumerate(self.texts)])

    def picked(self, places: Sequence[int]) -> tuple[str, ...]:
        """Return the texts at ``places``."""
        return tuple(self.texts[place] for place in places)

    def others(self) -> list[str]:
        """Return as many texts of ``OTHER_LENGTH``, none of which stands in the statement, and no two alike."""
        whole = self.filled(self.texts)
        word = next(word for number in range(len(whole) + 1) if (word := f"other{number}") not in whole)
        return [f"{word}x{number}".ljust(OTHER_LENGTH, "x") for number in range(len(self.texts))]


def find_free(tree: Node, other_tree: Node, texts: Sequence[str], others: Sequence[str]) -> list[int] | None:
    """Return which of ``texts`` are free: ``other_tree`` is that of the same statement with ``others`` in their place.

    None when the trees differ in anything else, so that nothing is known.
    """
    places = {other: number for number, other in enumerate(others)}
    free: set[int] = set()
    fixed: set[int] = set()
    for one, other, is_free in _differences(tree, other_tree):
        number = places.get(other)
        if number is None or one != texts[number]:
            return None
        (free if is_free else fixed).add(number)
    return sorted(free - fixed)


@dataclass(frozen=True, slots=True)
class Template:
    """A tree whose free texts are left out; ``holes`` says at which node of it which of them stands."""

    document: bytes
    holes: tuple[tuple[Path, int], ...] = ()

    @staticmethod
    def of(tree: Node, texts: Mapping[str, str] | None = None, free: Sequence[str] = ()) -> Template:
        """Return ``tree`` with the constants ``texts`` in place of those that they are listed by, cut at those of ``free``."""
        places = {text: place for place, text in enumerate(free)}
        holes = tuple((path, places[text]) for path, text in _constants(tree) if text in places)
        named: Any = _renamed(tree, texts) if texts else tree
        return Template(marshal.dumps(named), holes)

    @property
    def length(self) -> int:
        """The number of its bytes."""
        return len(self.document)

    def tree(self, free: Sequence[str]) -> Node:
        """Return the tree with ``free`` in its holes."""
        # Made above, of what came as JSON; read in half of the time that JSON takes.
        found: Node = marshal.loads(self.document)  # noqa: S302  ours
        for path, place in self.holes:
            node: Any = found
            for key in path:
                node = node[key]
            node["literal"]["text"] = free[place]
        return found


def _constants(tree: Any) -> Iterator[tuple[Path, str]]:
    """Yield where each constant text of ``tree`` stands, and the text."""
    stack: list[tuple[Any, Path]] = [(tree, ())]
    while stack:
        node, path = stack.pop()
        if isinstance(node, dict) and (text := _text_of(node)) is not None:
            yield path, text
        elif isinstance(node, (dict, list)):
            items = node.items() if isinstance(node, dict) else enumerate(node)
            stack += [(value, (*path, key)) for key, value in items]


def _renamed(tree: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(tree, list):
        return [_renamed(each, texts) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if (text := _text_of(tree)) is not None and text in texts:
        return {**tree, "literal": {**tree["literal"], "text": texts[text]}}
    return {key: _renamed(value, texts) for key, value in tree.items()}


def _differences(one: Any, other: Any) -> Iterator[tuple[str, str, bool]]:
    """Yield what differs: the two texts and whether they are free; two that none can be where trees do not match."""
    stack: list[tuple[Any, Any, bool]] = [(one, other, False)]
    while stack:
        left, right, is_free = stack.pop()
        if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
            texts = _text_of(left), _text_of(right)
            if texts[0] is not None and texts[1] is not None:
                if texts[0] != texts[1]:
                    yield texts[0], texts[1], is_free
                continue
            frees = _frees(left)
            stack += [(value, right[key], frees) for key, value in left.items() if key not in _LOCATIONS]
        elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            stack += [(each, right[place], is_free) for place, each in enumerate(left)]
        elif left != right:
            yield "", "", False


def _frees(node: Node) -> bool:
    """Tell whether a constant right below ``node`` decides nothing but which rows are meant."""
    kind = node.get("class")
    if kind in _COMPARED or (kind == "OPERATOR" and node.get("type") in _LISTED):
        return True
    return kind == "CAST" and str((node.get("type_expr") or {}).get("type_name", "")).upper() in _TIMES


def _text_of(node: Node) -> str | None:
    literal = node.get("literal") if node.get("class") == "CONSTANT" else None
    return str(literal["text"]) if isinstance(literal, dict) and literal.get("kind") == "STRING" else None


def _joined(pieces: Sequence[str], texts: Sequence[str]) -> str:
    return "".join(part for pair in zip(pieces, texts, strict=False) for part in pair) + pieces[-1]
