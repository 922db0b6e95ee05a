"""The text of a statement in pieces: for colours, for completion, for its parameters. It reads; the server judges.

Whatever is typed is some sequence of pieces: a quotation mark that is not closed yet runs to the end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from nagare.tui.location import SQL_LIMIT
from nagare.tui.query.words import KEYWORDS

# A longer text is neither coloured nor completed: the server would not take it.
LENGTH_LIMIT = SQL_LIMIT
_PIECE = re.compile(
    r"""
    (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<text>'[^']*(?:'|\Z))
    |(?P<name>"[^"]*(?:"|\Z))
    |(?P<parameter>\$[A-Za-z_]\w*)
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign>[^\s\w])
    """,
    re.VERBOSE | re.DOTALL,
)


class PieceKind(StrEnum):
    """What a piece is; ``keyword`` and ``function`` are words by their place."""

    COMMENT = "comment"
    TEXT = "text"
    NAME = "name"
    PARAMETER = "parameter"
    NUMBER = "number"
    WORD = "word"
    KEYWORD = "keyword"
    FUNCTION = "function"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some letters of the statement, from ``start`` to before ``end``."""

    kind: PieceKind
    start: int
    end: int
    text: str

    @property
    def folded(self) -> str:
        """The text as SQL compares names, without quotation marks."""
        text = self.text.strip('"') if self.kind is PieceKind.NAME else self.text
        return text.casefold()

    @property
    def is_named(self) -> bool:
        """Whether it may be the name of a table or a column."""
        return self.kind in (PieceKind.WORD, PieceKind.NAME, PieceKind.FUNCTION)


@lru_cache(maxsize=4)
def pieces(sql: str) -> tuple[Piece, ...]:
    """Return the pieces of ``sql`` in order; none of a text beyond the limit."""
    if len(sql) > LENGTH_LIMIT:
        return ()
    found = []
    for match in _PIECE.finditer(sql):
        kind = PieceKind(match.lastgroup or "sign")
        if kind is PieceKind.WORD:
            kind = _kind_of_word(match[0], sql[match.end() : match.end() + 1])
        found.append(Piece(kind, match.start(), match.end(), match[0]))
    return tuple(found)


def _kind_of_word(word: str, following: str) -> PieceKind:
    if word.casefold() in KEYWORDS and not (following == "(" and word.casefold() in ("first", "last")):
        return PieceKind.KEYWORD
    return PieceKind.FUNCTION if following == "(" else PieceKind.WORD


@lru_cache(maxsize=4)
def lines_of_pieces(sql: str) -> dict[int, tuple[tuple[int, int, PieceKind], ...]]:
    """Return what to colour on each line: (from, to, kind)."""
    starts = [0, *(match.end() for match in re.finditer("\n", sql))]
    found: dict[int, list[tuple[int, int, PieceKind]]] = {}
    line = 0
    for piece in pieces(sql):
        if piece.kind in (PieceKind.WORD, PieceKind.SIGN):
            continue
        while line + 1 < len(starts) and starts[line + 1] <= piece.start:
            line += 1
        for number, part in enumerate(piece.text.split("\n")):
            begin = piece.start - starts[line] if number == 0 else 0
            found.setdefault(line + number, []).append((begin, begin + len(part), piece.kind))
    return {number: tuple(spans) for number, spans in found.items()}


def parameters(sql: str) -> tuple[str, ...]:
    """Return the names of the parameters, each once, in the order of the text."""
    return tuple(dict.fromkeys(piece.text[1:] for piece in pieces(sql) if piece.kind is PieceKind.PARAMETER))


def place_of(sql: str, offset: int) -> tuple[int, int]:
    """Return line and column of an offset, both from 0."""
    before = sql[:offset]
    return before.count("\n"), offset - (before.rfind("\n") + 1)


def offset_of(sql: str, line: int, column: int) -> int:
    """Return the offset of a line and a column, both from 0, kept within the text."""
    lines = sql.split("\n")
    line = min(line, len(lines) - 1)
    return sum(len(one) + 1 for one in lines[:line]) + min(column, len(lines[line]))


def has_statement(parts: Sequence[Piece]) -> bool:
    """Tell whether anything but comments stands there."""
    return any(piece.kind is not PieceKind.COMMENT for piece in parts)
