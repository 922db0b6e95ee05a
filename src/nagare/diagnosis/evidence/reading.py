"""Readings: one number of a component over time, what of it is worth a look, and the words for it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nagare.diagnosis.evidence.asking import Row, number
from nagare.diagnosis.evidence.statement import Asked, known, picked, selected, span
from nagare.diagnosis.evidence.window import Window, clock_text
from nagare.diagnosis.evidence.words import format_figure
from nagare.model.diagnosis.evidence import Figure

# A thing has begun where its mean left the lower quarter of the way from the usual to how it is now.
_ONSET_SHARE = 0.25
_FIGURES = ("recent", "usual")
# What stood as high a day before, give or take so much time of the day and of the number, is the usual of this hour.
_DAY_MS, _EARLY_MS, _HIGHER = 86_400_000, 1_800_000, 1.25


@dataclass(frozen=True, slots=True)
class Reading:
    """One number over time. ``value`` is an expression of a row of ``table``, and more of it is worse.

    Below ``floor`` it is never worth a look; from ``alarm`` on it always is; between them it is where it has grown to
    more than ``factor`` times the usual. ``about`` names the component by its keys; ``label`` says what is measured.
    ``is_step``: what counts is how far it moved from where it used to stand, either way.
    """

    name: str
    table: str
    value: str
    label: str
    unit: str
    floor: float
    alarm: float = math.inf
    factor: float = 2.0
    keys: tuple[str, ...] = ()
    where: str = ""
    about: str = ""
    is_step: bool = False

    def is_bad(self, row: Row) -> bool:
        """Tell whether what ``row`` says is worth a look."""
        recent, usual = number(row, "recent"), number(row, "usual")
        if recent is None or recent < self.floor:
            return False
        return self.is_alarm(row) or (usual is not None and recent > usual * self.factor)

    def is_alarm(self, row: Row) -> bool:
        """Tell whether what ``row`` says is worth a look whatever it was before."""
        recent = number(row, "recent")
        return recent is not None and recent >= max(self.floor, self.alarm)

    def is_of_the_hour(self, row: Row) -> bool:
        """Tell whether what ``row`` says, with ``yesterday``, was so a day before and is no alarm: then it is worth no look."""
        recent, before = number(row, "recent"), number(row, "yesterday")
        return recent is not None and before is not None and not self.is_alarm(row) and recent <= before * _HIGHER

    def figures(self, row: Row) -> tuple[Figure, ...]:
        """Return the figures of ``row``."""
        return tuple(Figure(name, value, self.unit) for name in _FIGURES if (value := number(row, name)) is not None)

    def component(self, row: Row) -> str:
        """Return the name of the component of ``row``."""
        return self.about.format_map({key: row.get(key) for key in self.keys}) if self.about else self.table

    def text(self, row: Row) -> str:
        """Return ``row`` in words, without its host."""
        recent, usual = number(row, "recent"), number(row, "usual")
        before = "" if usual is None else f"{format_figure(usual, self.unit)} → "
        words = f"{self.component(row)}: {self.label} {before}{format_figure(recent, self.unit)}"
        began = self.began_ms(row)
        return words if began is None else f"{words}, since {clock_text(began)}"

    def began_ms(self, row: Row) -> int | None:
        """Return when it set in; None where it has not, or was so all the time."""
        began = number(row, "began_ms")
        return None if began is None or not self.is_bad(row) else int(began)


def grouped(readings: Sequence[Reading], window: Window, host: str = "") -> Asked:
    """Return one statement for ``readings`` of one table and the same keys; ``row_of`` takes its rows apart.

    It does not tell when a thing set in: that costs more, and is asked by ``narrow`` of what is worth a look.
    """
    keys = ("host", *readings[0].keys)
    params: dict[str, object] = {"host": host} if host else {}
    levels = {name: name for name in keys}
    for place, reading in enumerate(readings):
        recent, usual = _recent(f"v{place}", window), _usual(f"v{place}", window)
        is_step = reading.is_step
        levels[f"recent{place}"] = f"abs({recent} - {usual})" if is_step else recent
        levels[f"usual{place}"] = f"CASE WHEN {usual} IS NOT NULL THEN 0 END" if is_step else usual
    return (
        f"SELECT {selected(levels)} FROM ({_means(readings, window, keys, params)}) GROUP BY {', '.join(keys)}",
        params,
    )


def row_of(row: Row, readings: Sequence[Reading], place: int) -> Row:
    """Return what a row of ``grouped`` says of the reading at ``place``."""
    own = {name: row[f"{name}{place}"] for name in _FIGURES}
    return {name: row[name] for name in ("host", *readings[place].keys)} | own


def narrow(reading: Reading, window: Window, row: Row) -> Asked:
    """Return the statement for the component of ``row`` alone, whose columns are the figures and ``began_ms``."""
    component = {name: row[name] for name in ("host", *reading.keys)}
    levels = {"r": f"{_recent('v0', window)} OVER ()", "u": f"{_usual('v0', window)} OVER ()"}
    means = _means([reading], window, (), component)
    if reading.is_step:
        figures = {
            "recent": "abs(any_value(r) - any_value(u))",
            "usual": "CASE WHEN any_value(u) IS NOT NULL THEN 0 END",
        }
    else:
        figures = {"recent": "any_value(r)", "usual": "any_value(u)"}
    onset = f"(v0 - u) * sign(r - u) < abs(r - u) * {_ONSET_SHARE} AND at_ms < {window.recent_ms}"
    figures["began_ms"] = f"max(at_ms) FILTER (WHERE {onset}) + {window.bucket_ms}"
    return f"SELECT {selected(figures)} FROM (SELECT *, {selected(levels)} FROM ({means}))", known(component)


def yesterday(reading: Reading, window: Window, row: Row) -> Asked:
    """Return the statement for how high the component of ``row`` stood about this time of the day before.

    That is the highest mean of as long a time as counts as now: what comes every night comes not to the minute.
    """
    component = {name: row[name] for name in ("host", *reading.keys)}
    length_ms = window.until_ms - window.recent_ms
    from_ms, until_ms = window.recent_ms - _DAY_MS - _EARLY_MS, window.until_ms - _DAY_MS + _EARLY_MS
    means = _means_of([reading], span(from_ms, until_ms), window.bucket_ms, (), component)
    moving = (
        f"avg(v0) OVER (ORDER BY at_ms RANGE BETWEEN {length_ms - window.bucket_ms} PRECEDING AND CURRENT ROW) AS m"
    )
    whole = f"at_ms >= {from_ms + length_ms}"
    return f"SELECT max(m) FILTER (WHERE {whole}) AS yesterday FROM (SELECT at_ms, {moving} FROM ({means}))", known(
        component
    )


def _recent(value: str, window: Window) -> str:
    return f"avg({value}) FILTER (WHERE at_ms >= {window.recent_ms})"


def _usual(value: str, window: Window) -> str:
    return f"median({value}) FILTER (WHERE at_ms < {window.recent_ms})"


def _means(readings: Sequence[Reading], window: Window, keys: Sequence[str], component: Mapping[str, object]) -> str:
    return _means_of(readings, span(window.baseline_ms, window.until_ms), window.bucket_ms, keys, component)


def _means_of(
    readings: Sequence[Reading], when: str, bucket_ms: int, keys: Sequence[str], component: Mapping[str, object]
) -> str:
    means = {f"v{place}": _mean(reading) for place, reading in enumerate(readings)}
    rows = " AND ".join([when, *picked(component)])
    at = f"epoch_ms(time_bucket(INTERVAL '{bucket_ms} milliseconds', ts)) AS at_ms"
    columns = ", ".join([*keys, at, selected(means)])
    return f"SELECT {columns} FROM {readings[0].table} WHERE {rows} GROUP BY {', '.join([*keys, 'at_ms'])}"


def _mean(reading: Reading) -> str:
    return f"avg({reading.value})" + (f" FILTER (WHERE {reading.where})" if reading.where else "")
