"""Which documents hold a term, how often, and how much that says: the counting half of BM25 (Robertson and Zaragoza, 2009)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
# The usual constants: how fast more of the same stops to count, and how much long documents are held back.
_K1, _B = 1.2, 0.6


class Postings:
    """The terms of documents, each with its weight there; never changed once it is made."""

    def __init__(self, documents: Sequence[Mapping[str, float]]) -> None:
        """Count ``documents``: weight by term, for each."""
        self.count = len(documents)
        lengths = np.array([sum(document.values()) for document in documents], dtype=np.float64)
        average = max(1.0, float(lengths.mean())) if self.count else 1.0
        self._held_back = _K1 * (1 - _B + _B * lengths / average)
        places = dict[str, tuple[list[int], list[float]]]()
        for number, document in enumerate(documents):
            for term, weight in document.items():
                numbers, weights = places.setdefault(term, ([], []))
                numbers.append(number)
                weights.append(weight)
        self._places = {
            term: (np.array(numbers, dtype=np.int64), np.array(weights, dtype=np.float64))
            for term, (numbers, weights) in places.items()
        }

    def holds(self, term: str) -> bool:
        """Tell whether any document holds ``term``."""
        return term in self._places

    def rarity(self, term: str) -> float:
        """Return how much it says that a document holds ``term``: near 0 when all do, most when none does."""
        holders = self._places.get(term)
        held = 0 if holders is None else len(holders[0])
        return math.log(1 + (self.count - held + 0.5) / (held + 0.5))

    def scores(self, wanted: Mapping[str, float]) -> Scores:
        """Return for each document the sum over ``wanted``, weight by term: below the sum of weight times rarity."""
        found = np.zeros(self.count)
        for term, weight in wanted.items():
            holders = self._places.get(term)
            if holders is not None:
                numbers, weights = holders
                found[numbers] += weight * self.rarity(term) * weights / (weights + self._held_back[numbers])
        return found
