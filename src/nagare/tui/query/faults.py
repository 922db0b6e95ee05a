"""Where in a statement the server found a fault, read from what it says: the line that it quotes and the name in its sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nagare.errors import InputError, NagareError
from nagare.lib.plain_text import plain
from nagare.tui.query.sql_text import PieceKind, offset_of, pieces, place_of

_NEAR = re.compile(r"""near (['"])(.*)\1""", re.DOTALL)
_NAMED = re.compile(
    r"""(?:near|column|named?|table|query|call|value|string|function)[^'"]{0,40}?["']([^"']{1,120})["']"""
)
_CALLED = re.compile(r"call (\w{1,80})\(\)")
# What of a line is shown around a fault: it has to fit 80 columns.
_BEFORE, _SHOWN = 30, 70


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a statement has no answer. ``line`` and ``column`` count from 0; None where the fault has no place in the text."""

    message: str
    hint: str = ""
    line: int | None = None
    column: int = 0
    length: int = 1

    @property
    def where(self) -> str:
        """The place as people count it; empty where there is none."""
        return "" if self.line is None else f"line {self.line + 1}, column {self.column + 1}"


def fault_of(sql: str, error: NagareError) -> Fault:
    """Return what is to be told of ``error``, which ``sql`` met with."""
    near = _NEAR.search(error.hint)
    hint = "" if near is not None and near.start() == 0 else plain(error.hint)
    span = _span(sql, plain(error.message), near[2] if near is not None else "", _told_place(sql, error))
    if span is None:
        return Fault(plain(error.message), hint)
    line, column = place_of(sql, span[0])
    return Fault(plain(error.message), hint, line, column, max(1, span[1] - span[0]))


def excerpt(sql: str, fault: Fault) -> tuple[str, str]:
    """Return the line of the fault and a line of carets below it, both cut to what a person looks at."""
    assert fault.line is not None
    text = plain(sql.split("\n")[fault.line])
    start = max(0, fault.column - _BEFORE) if len(text) > _SHOWN else 0
    shown = text[start : start + _SHOWN]
    marks = "^" * max(1, min(fault.length, len(shown) - (fault.column - start)))
    return shown, " " * (fault.column - start) + marks


def _told_place(sql: str, error: NagareError) -> int | None:
    """Return the offset that the server points at. It may be a few letters off: it asks in other words than it was asked in."""
    for pointer in error.errors if isinstance(error, InputError) else ():
        line, column = pointer.get("line"), pointer.get("column")
        if isinstance(line, int) and isinstance(column, int) and line > 0 and column > 0:
            return offset_of(sql, line - 1, column - 1)
    return None


def _span(sql: str, message: str, near: str, told: int | None) -> tuple[int, int] | None:
    line = _line_of(sql, near)
    found = _CALLED.search(message) or _NAMED.search(message)
    name = found[1] if found is not None else ""
    places = _places_of(sql, name) if name else []
    if told is not None:
        return min(places, key=lambda place: abs(place[0] - told), default=(told, told + 1))
    if line is not None:
        start, end = offset_of(sql, line, 0), offset_of(sql, line, len(sql))
        held = [place for place in places if start <= place[0] <= end]
        return held[0] if held else (start, end)
    return places[0] if places else None


def _line_of(sql: str, near: str) -> int | None:
    """Return the line that is quoted; the server may quote a part of it, with dots where it cut."""
    wanted = near.strip().strip(".").strip()
    if not wanted:
        return None
    return next((number for number, line in enumerate(sql.split("\n")) if wanted in line), None)


def _places_of(sql: str, name: str) -> list[tuple[int, int]]:
    """Return where ``name`` stands outside of texts and comments; a name with dots by its last part."""
    folded = name.casefold()
    last = folded.rpartition(".")[2] or folded
    kinds = (PieceKind.COMMENT, PieceKind.TEXT)
    found = [
        (piece.start, piece.end) for piece in pieces(sql) if piece.kind not in kinds and piece.folded in (folded, last)
    ]
    return found or [(match.start(), match.end()) for match in re.finditer(re.escape(name), sql)]
