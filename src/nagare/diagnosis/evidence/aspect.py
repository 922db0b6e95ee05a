"""Aspects: aggregates of a table's rows, what of them is bad, and the words for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from nagare.diagnosis.evidence.asking import Row, number, text
from nagare.diagnosis.evidence.seen import Ground, Seen, Tool
from nagare.diagnosis.evidence.statement import Statement
from nagare.diagnosis.evidence.window import Window
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind, Figure

BEGAN = "began_ms"


@dataclass(frozen=True, slots=True)
class Aspect:
    """What one statement tells. ``units`` has the unit of each figure; ``words`` and ``about`` are of one row.

    The figure ``began_ms``, where the statement has it, is when it set in.
    """

    name: str
    statement: Callable[[Window], Statement]
    words: Callable[[Row], str]
    is_bad: Callable[[Row], bool]
    about: Callable[[Row], str]
    units: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    kind: EvidenceKind = EvidenceKind.METRIC


async def look(ground: Ground, aspect: Aspect) -> list[Seen]:
    """Return what ``aspect`` tells of the ground."""
    statement = aspect.statement(ground.window)
    rows = await ground.asker.ask(*statement.grouped(ground.window, ground.host))
    return [_seen(aspect, statement, ground.window, row) for row in rows]


def tool_of(aspect: Aspect, table: str, words: str, *, is_detail: bool = False) -> Tool:
    """Return the tool for one aspect of ``table``."""
    return Tool(aspect.name, words, table, partial(look, aspect=aspect), is_detail)


def _seen(aspect: Aspect, statement: Statement, window: Window, row: Row) -> Seen:
    keys = {name: str(row.get(name) or "") for name in (*statement.keys, *statement.texts)}
    values = {name: value for name in statement.figures if (value := number(row, name)) is not None}
    began_ms = window.moment(values.pop(BEGAN, None))
    is_bad = aspect.is_bad(row)
    return Seen(
        aspect.name,
        text(row, "host"),
        partial(_draft, aspect, statement, window, row),
        is_bad,
        values,
        keys,
        began_ms if is_bad else None,
    )


def _draft(aspect: Aspect, statement: Statement, window: Window, row: Row) -> Evidence:
    sql, params = statement.narrow(window, row)
    figures = tuple(
        Figure(name, value, aspect.units.get(name, ""))
        for name in statement.figures
        if name != BEGAN and (value := number(row, name)) is not None
    )
    return Evidence(
        "",
        aspect.kind,
        text(row, "host"),
        aspect.words(row),
        sql,
        params,
        window.from_ms,
        window.until_ms,
        figures,
        window.moment(number(row, BEGAN)) if aspect.is_bad(row) else None,
        aspect.about(row),
    )
