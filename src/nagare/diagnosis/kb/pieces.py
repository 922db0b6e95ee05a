"""Cuts a text into the pieces that a model was made with: byte pair encoding (Sennrich et al., 2016), from the model's own file.

Word by word, where the model's own cutter takes the text as a whole: no piece of ordinary text reaches over a blank.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from nagare.errors import StorageError

# Stands for the blank before a word.
_BLANK = "\N{LOWER ONE EIGHTH BLOCK}"
# Merging costs the square of a word's length; nothing that long is a word.
_WORD_LIMIT = 64


class Pieces:
    """The pieces of a model by their text, and which two become one before which others."""

    def __init__(self, numbers: Mapping[str, int], ranks: Mapping[tuple[str, str], int]) -> None:
        """Keep them; ``ranks`` is lowest for what is merged first."""
        self._numbers = numbers
        self._ranks = ranks
        # Texts say the same words again and again.
        self._cached = lru_cache(maxsize=65536)(self._of_word)

    def numbers_of(self, text: str) -> list[int]:
        """Return the numbers of the pieces of ``text``."""
        return [number for word in text.split() for number in self._cached(word[:_WORD_LIMIT])]

    def _of_word(self, word: str) -> tuple[int, ...]:
        parts = [_BLANK, *word]
        while len(parts) > 1:
            ranks = [self._ranks.get(pair) for pair in pairwise(parts)]
            best = min((rank for rank in ranks if rank is not None), default=None)
            if best is None:
                break
            place = ranks.index(best)
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        return tuple(number for part in parts for number in self._of_part(part))

    def _of_part(self, part: str) -> list[int]:
        known = self._numbers.get(part)
        if known is not None:
            return [known]
        # A letter that the model was not made with is its bytes.
        found = (self._numbers.get(f"<0x{byte:02X}>") for byte in part.encode("utf-8", "replace"))
        return [number for number in found if number is not None]


def read_pieces(path: Path) -> Pieces:
    """Return the pieces of a tokenizer's file of Hugging Face. Raises StorageError."""
    try:
        model = json.loads(path.read_bytes())["model"]
        if model["type"] != "BPE":
            raise StorageError(f"cannot read model {path}: it is {model['type']}")
        # Older files write a pair as one text, newer ones as two.
        pairs = [tuple(one.split(" ", 1)) if isinstance(one, str) else tuple(one) for one in model["merges"]]
        ranks = {(left, right): rank for rank, (left, right) in enumerate(pairs)}
        return Pieces({str(text): int(number) for text, number in model["vocab"].items()}, ranks)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"cannot read model {path}: {error}", hint="install the extra again: nagare[embeddings]"
        ) from error
