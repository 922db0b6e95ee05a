"""Counts of what was not stored, in one line of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

_WORDS = {
    "labels": "with unlawful labels",
    "stale": "older than raw retention",
    "future": "ahead of the server's clock",
    "cardinality": "of series beyond the limit",
    "histograms": "native histograms, which are not stored here",
}


def merged(*counts: Mapping[str, int]) -> dict[str, int]:
    """Return the sums of ``counts`` by reason, without zeros."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return {reason: count for reason, count in total.items() if count}


def refusal_text(stored: int, refused: Mapping[str, int]) -> str:
    """Return how many samples were stored and how many refused, and why."""
    reasons = ", ".join(f"{count} {_WORDS.get(reason, reason)}" for reason, count in sorted(refused.items()))
    return f"stored {stored} samples, refused {sum(refused.values())}: {reasons}"
