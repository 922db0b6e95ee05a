"""What may follow where the cursor stands: tables behind FROM, columns behind a table's name, functions and keywords.

Pure and quick: it runs at every letter. It guesses from the text what the server knows for sure, so it offers and never forbids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nagare.tui.query.sql_text import Piece, PieceKind, pieces
from nagare.tui.query.words import NO_ALIAS, OFFERED, OFFERED_FUNCTIONS

if TYPE_CHECKING:
    from nagare.wire.sql import TableView

# More are not looked through: the next letter narrows them.
_LIMIT = 60
_FROM_WORDS = frozenset({"from", "join"})
# What may stand between FROM and the next table.
_ENDS_FROM = frozenset(
    {"where", "group", "having", "qualify", "order", "limit", "union", "except", "intersect", "select", "window", "on", "using"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing to write: its text, what it is (table, column, function, word), and a few words about it."""

    text: str
    kind: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """What may stand from ``start`` up to the cursor."""

    start: int
    candidates: tuple[Candidate, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is anything to offer."""
        return bool(self.candidates)


def complete(sql: str, at: int, tables: Sequence[TableView], *, is_asked: bool = False) -> Completion:
    """Return what may follow at offset ``at``. Where nothing is begun yet, it must be asked for or be clear."""
    parts = pieces(sql)
    before = [piece for piece in parts if piece.start < at and piece.kind is not PieceKind.COMMENT]
    if _is_in_text(parts, at):
        return Completion(at)
    word = before[-1] if before and before[-1].end >= at and _is_wordlike(before[-1]) else None
    start = word.start if word is not None else at
    begun = sql[start:at].casefold()
    held = before[:-1] if word is not None else before
    if held and held[-1].text == "." and held[-1].end == start:
        found = _behind_dot(held[:-1], parts, tables)
    elif _is_table_wanted(held):
        found = _tables(parts, tables)
    elif begun or is_asked:
        found = _anything(parts, tables, word)
    else:
        return Completion(at)
    return Completion(start, _matching(found, begun))


def _is_wordlike(piece: Piece) -> bool:
    return piece.kind in (PieceKind.WORD, PieceKind.KEYWORD, PieceKind.FUNCTION)


def _is_in_text(parts: Sequence[Piece], at: int) -> bool:
    for piece in parts:
        if piece.start < at <= piece.end and piece.kind in (
            PieceKind.TEXT,
            PieceKind.NAME,
            PieceKind.COMMENT,
            PieceKind.NUMBER,
        ):
            closing = {PieceKind.TEXT: "'", PieceKind.NAME: '"'}.get(piece.kind)
            return closing is None or at < piece.end or len(piece.text) < 2 or not piece.text.endswith(closing)
    return False


def _matching(found: Iterator[Candidate], begun: str) -> tuple[Candidate, ...]:
    """Return those that begin so, then those that hold it; nothing when all is written already."""
    begins: list[Candidate] = []
    holds: list[Candidate] = []
    seen: set[str] = set()
    for candidate in found:
        folded = candidate.text.casefold()
        if folded in seen:
            continue
        if folded.startswith(begun):
            seen.add(folded)
            begins.append(candidate)
        elif len(begun) >= 2 and begun in folded and candidate.kind != "word":
            seen.add(folded)
            holds.append(candidate)
    if begins and begins[0].text.casefold() == begun:
        return ()
    return tuple((begins + holds)[:_LIMIT])


def _behind_dot(held: Sequence[Piece], parts: Sequence[Piece], tables: Sequence[TableView]) -> Iterator[Candidate]:
    if not held or not held[-1].is_named:
        return
    owner = held[-1].folded
    known = {table.name.casefold(): table for table in tables}
    table = known.get(named_tables(parts).get(owner, owner))
    if table is not None:
        yield from _columns(table)
    for name, one in known.items():
        if name.startswith(owner + "."):
            yield Candidate(one.name.partition(".")[2], "table", one.text)


def _is_table_wanted(held: Sequence[Piece]) -> bool:
    """Tell whether a table comes next: behind FROM or JOIN, or behind a comma between tables."""
    if not held:
        return False
    if held[-1].folded in _FROM_WORDS:
        return True
    if held[-1].text != ",":
        return False
    depth = 0
    for piece in reversed(held[:-1]):
        depth += {")": 1, "(": -1}.get(piece.text, 0)
        is_end = piece.kind is PieceKind.KEYWORD and piece.folded in _FROM_WORDS | _ENDS_FROM
        if depth < 0 or (depth == 0 and is_end):
            return depth == 0 and piece.folded in _FROM_WORDS
    return False


def _tables(parts: Sequence[Piece], tables: Sequence[TableView]) -> Iterator[Candidate]:
    yield from (Candidate(name, "table", "of this statement") for name in _own_tables(parts))
    # Rollups last: most people want the table itself.
    for table in sorted(tables, key=lambda one: (one.name.endswith(("_1m", "_1h")), one.name)):
        yield Candidate(table.name, "table", table.text)


def _anything(parts: Sequence[Piece], tables: Sequence[TableView], word: Piece | None) -> Iterator[Candidate]:
    named = named_tables(parts)
    known = {table.name.casefold(): table for table in tables}
    held = [known[name] for name in dict.fromkeys(named.values()) if name in known]
    for table in held:
        yield from _columns(table)
    # What is being typed behind a table may look like a name for it.
    begun = word.folded if word is not None else ""
    yield from (Candidate(alias, "table", table) for alias, table in named.items() if alias not in (table, begun))
    yield from (Candidate(word, "word") for word in OFFERED)
    for function in OFFERED_FUNCTIONS:
        yield Candidate(f"{function.name}(", "function", f"({function.arguments}) {function.text}")
    if not held and word is not None:
        # No table is named yet: whoever writes SELECT first wants columns all the same.
        for table in tables:
            if not table.name.endswith(("_1m", "_1h")):
                yield from (Candidate(one.text, "column", f"{table.name}: {one.told}") for one in _columns(table))


def _columns(table: TableView) -> Iterator[Candidate]:
    for column in table.columns:
        yield Candidate(column.name, "column", f"{column.type.lower()}{'  ' + column.text if column.text else ''}")


def _own_tables(parts: Sequence[Piece]) -> Iterator[str]:
    """Yield the names that the statement gives by WITH."""
    for place in range(len(parts) - 2):
        name, as_, opening = parts[place : place + 3]
        if name.is_named and as_.folded == "as" and opening.text == "(":
            yield name.text


def named_tables(parts: Sequence[Piece]) -> dict[str, str]:
    """Return the tables that a statement reads by how it calls them: alias, or the table's own name."""
    named: dict[str, str] = {}
    place, is_wanted, is_in_from = 0, False, False
    while place < len(parts):
        piece = parts[place]
        if piece.folded in _FROM_WORDS and piece.kind is PieceKind.KEYWORD:
            is_wanted = is_in_from = True
        elif is_wanted and piece.is_named:
            place, table, alias = _named_at(parts, place)
            named[alias or table.rpartition(".")[2]] = table
            is_wanted = False
            continue
        elif piece.text == "," and is_in_from:
            is_wanted = True
        elif piece.text == "(" or (piece.kind is PieceKind.KEYWORD and piece.folded in _ENDS_FROM):
            is_wanted = is_in_from = False
        place += 1
    return named


def _named_at(parts: Sequence[Piece], place: int) -> tuple[int, str, str]:
    """Return the place behind a table that is named at ``place``, its name, and its alias or nothing."""
    table = parts[place].folded
    place += 1
    while place + 1 < len(parts) and parts[place].text == "." and parts[place + 1].is_named:
        table += "." + parts[place + 1].folded
        place += 2
    if place < len(parts) and parts[place].folded == "as":
        place += 1
    if place < len(parts) and parts[place].is_named and parts[place].folded not in NO_ALIAS:
        return place + 1, table, parts[place].folded
    return place, table, ""
