"""Statements of evidence: asked once for all hosts, and cited for one component, by the same text. Pure.

The numbers of both are the same, so a fleet is looked over with one query a table, and whoever doubts one piece of
evidence runs the cited one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nagare.diagnosis.evidence.asking import Row
from nagare.diagnosis.evidence.window import Window, sql_moment

Asked = tuple[str, dict[str, object]]
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Statement:
    """Aggregates of the rows of one table. ``figures`` are names and aggregates, ``keys`` name a component.

    ``where`` is an expression of a row, ``having`` of a group. ``texts`` are aggregates that are no numbers, with which a
    component is told of.
    """

    table: str
    figures: Mapping[str, str]
    keys: tuple[str, ...] = ()
    where: str = ""
    texts: Mapping[str, str] = field(default_factory=lambda: _NONE)
    having: str = ""

    def grouped(self, window: Window, host: str = "") -> Asked:
        """Return the statement for every component, of ``host`` or of all hosts, and its parameters."""
        params: dict[str, object] = {"host": host} if host else {}
        keys = ("host", *self.keys)
        columns = {**{name: name for name in keys}, **self.texts, **self.figures}
        having = f" HAVING {self.having}" if self.having else ""
        sql = f"{self._select(columns)} WHERE {self._where(window, params)} GROUP BY {', '.join(keys)}{having}"
        return sql, params

    def narrow(self, window: Window, row: Row) -> Asked:
        """Return the statement for the component of ``row``, whose columns are the figures alone, and its parameters."""
        component = {name: row[name] for name in ("host", *self.keys)}
        sql = f"{self._select(self.figures)} WHERE {self._where(window, component)}"
        return sql, known(component)

    def _select(self, columns: Mapping[str, str]) -> str:
        return f"SELECT {selected(columns)} FROM {self.table}"

    def _where(self, window: Window, component: Mapping[str, object]) -> str:
        own = [f"({self.where})"] if self.where else []
        return " AND ".join([span(window.from_ms, window.until_ms), *own, *picked(component)])


def selected(columns: Mapping[str, str]) -> str:
    """Return what stands behind SELECT for ``columns``, expressions by name."""
    return ", ".join(name if name == column else f"{column} AS {name}" for name, column in columns.items())


def span(from_ms: int, until_ms: int) -> str:
    """Return the condition that a row lies in [``from_ms``, ``until_ms``)."""
    return f"ts >= {sql_moment(from_ms)} AND ts < {sql_moment(until_ms)}"


def picked(component: Mapping[str, object]) -> list[str]:
    """Return the conditions that pick ``component``; its values stand in the parameters, as they may be anybody's words."""
    return [f"{name} = ${name}" if value is not None else f"{name} IS NULL" for name, value in component.items()]


def known(component: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters for ``picked``."""
    return {name: value for name, value in component.items() if value is not None}
