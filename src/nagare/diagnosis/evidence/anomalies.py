"""Rows that were unlike the past of their series, as the server scored them when they came."""

from __future__ import annotations

from nagare.diagnosis.evidence import aspect as aspects
from nagare.diagnosis.evidence.asking import Row, number, text
from nagare.diagnosis.evidence.aspect import Aspect
from nagare.diagnosis.evidence.seen import Ground, Seen
from nagare.diagnosis.evidence.statement import Statement
from nagare.diagnosis.evidence.window import Window
from nagare.diagnosis.evidence.words import format_figure, unit_of
from nagare.model.diagnosis.evidence import EvidenceKind

# Below it a row is a little odd, which happens every day.
_ODD = 0.75
# Of one host, those that score highest.
_MOST = 5


def _statement(_: Window) -> Statement:
    figures = {
        "score": "max(score)",
        "value": "arg_max(value, score)",
        "expected": "arg_max(expected, score)",
        "odd_rows": "count(*)",
        "began_ms": "epoch_ms(min(ts))",
    }
    return Statement(
        "anomalies", figures, ("table_name", "column_name", "series", "kind"), having=f"max(score) >= {_ODD}"
    )


def _about(row: Row) -> str:
    # Of its keys the values tell enough.
    names = [part.partition("=")[2] for part in text(row, "series").split(", ")]
    return " ".join([text(row, "table_name"), *(name for name in names if name not in ("", "all"))])


def _words(row: Row) -> str:
    column = text(row, "column_name")
    said = f"{_about(row)}: {column}"
    score = f"score {number(row, 'score') or 0.0:.2f}"
    if text(row, "kind") == "stopped":
        return f"{said} stopped coming ({score})"
    value, expected = (format_figure(number(row, name), unit_of(column)) for name in ("value", "expected"))
    return f"{said} {value} where {expected} was usual, {number(row, 'odd_rows') or 0:.0f} odd rows ({score})"


ANOMALIES = Aspect("anomalies", _statement, _words, lambda _: True, _about, {"odd_rows": "count"}, EvidenceKind.ANOMALY)


async def look_anomalies(ground: Ground) -> list[Seen]:
    """Return the series of the host that had the oddest rows in the window, the oddest first."""
    seen = await aspects.look(ground, ANOMALIES)
    return sorted(seen, key=lambda one: -one.value("score"))[:_MOST]
