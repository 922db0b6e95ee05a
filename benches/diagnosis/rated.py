"""Diagnoses that people rated, held against what they were sure of: what happened in earnest, beside faults of our making. Pure.

``rating`` is ``up`` where the diagnosis helped: its first cause is taken for right then, and for wrong at ``down``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass

from benches.diagnosis.scoring import Outcome, Told, brier

# What this reads.
QUERY = "SELECT cause, confidence, rating FROM diagnoses WHERE rating <> ''"


@dataclass(frozen=True)
class Rated:
    """One cause that was told first, how sure of it the diagnosis was, and whether that helped; empty for none."""

    cause: str
    confidence: float
    has_helped: bool


def read(lines: Iterable[str]) -> list[Rated]:
    """Read the answer to ``QUERY`` as CSV. Raises ValueError where a column lacks, or a cell is no rating."""
    rows = csv.DictReader(lines)
    lacking = {"cause", "confidence", "rating"} - set(rows.fieldnames or ())
    if lacking:
        raise ValueError(f"these columns lack: {', '.join(sorted(lacking))}; ask: {QUERY}")
    return [_rated(number, row) for number, row in enumerate(rows, 2)]


def _rated(number: int, row: dict[str, str]) -> Rated:
    if row["rating"] not in ("up", "down"):
        raise ValueError(f"line {number}: {row['rating']!r} is no rating: it is up or down")
    return Rated(row["cause"], float(row["confidence"] or 0.0), row["rating"] == "up")


def report(rated: Iterable[Rated]) -> str:
    """Return how many helped, the Brier score of their confidences, and both for each cause, the most frequent first."""
    by_cause: dict[str, list[Rated]] = {}
    for one in rated:
        by_cause.setdefault(one.cause or "(none)", []).append(one)
    everything = [one for group in by_cause.values() for one in group]
    if not everything:
        return "nothing was rated: + and - on screen 7, or nagare diagnose --rate"
    groups = sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0]))
    return "\n".join(_line(name, group) for name, group in [("all", everything), *groups])


def _line(name: str, group: list[Rated]) -> str:
    helped = sum(one.has_helped for one in group)
    told = [one for one in group if one.cause]
    score = f"Brier {brier(map(_outcome, told)):.3f}" if told else "no cause was told"
    return f"{name:<24} {len(group):>5} rated, {helped / len(group):>4.0%} helped, {score}"


def _outcome(one: Rated) -> Outcome:
    told = Told(one.cause, one.confidence, is_trouble=True)
    return Outcome(one.cause, [one.cause] if one.has_helped else [], [told], 0.0, 0)
