"""How good diagnoses are: where the right cause stands, what is told of a sound machine, and whether confidences mean what they say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# A finding below it makes nothing bad by itself; as `nagare diagnose` has it.
LIKELY = 0.5


@dataclass(frozen=True)
class Told:
    """One finding: its cause, its confidence, and whether it is more than a remark."""

    cause: str
    confidence: float
    is_trouble: bool


@dataclass(frozen=True)
class Outcome:
    """What was told of one fault, and what would have been right: nothing of a control. ``seconds`` of processor time."""

    name: str
    causes: Sequence[str]
    told: Sequence[Told]
    seconds: float
    tokens: int

    @property
    def place(self) -> int | None:
        """At which place, from 1, a right cause stands; None where none is told."""
        return next((place for place, one in enumerate(self.told, 1) if one.cause in self.causes), None)

    @property
    def false_alarms(self) -> list[Told]:
        """What is told of a control though nothing is wrong with it."""
        return [] if self.causes else [one for one in self.told if one.is_trouble]

    @property
    def confidence(self) -> float:
        """How sure it is of a right cause, zero where it names none."""
        return max((one.confidence for one in self.told if one.cause in self.causes), default=0.0)


def top(outcomes: Iterable[Outcome], count: int) -> float:
    """Return in what share of the faults a right cause is among the first ``count``."""
    places = [one.place for one in outcomes if one.causes]
    return sum(place is not None and place <= count for place in places) / len(places)


def brier(outcomes: Iterable[Outcome]) -> float:
    """Return the mean squared distance of what was said to what was so (Brier, 1950): 0 is best, 0.25 what a coin has.

    Of each fault its right cause counts, said or not; every other cause that is told as trouble counts as well.
    """
    distances = []
    for one in outcomes:
        if one.causes:
            distances.append((1.0 - one.confidence) ** 2)
        distances += [each.confidence**2 for each in one.told if each.cause not in one.causes and each.is_trouble]
    return sum(distances) / len(distances) if distances else 0.0
