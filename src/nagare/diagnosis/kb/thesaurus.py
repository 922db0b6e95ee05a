"""Words of operations that mean nearly the same, so that a page and an alert meet that were written by two people.

The groups stand in ``thesaurus.txt``; each gives a text one mark for every time it speaks of it. Pure but for reading that file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from nagare.diagnosis.kb.words import words

# Marks begin with what no word holds.
_MARK = "#"


@dataclass(frozen=True, slots=True)
class Thesaurus:
    """Groups by phrase, a phrase being the stems of its words; ``longest`` is the number of words of the longest one."""

    groups: dict[tuple[str, ...], tuple[str, ...]]
    longest: int

    def marks(self, stems: Sequence[str]) -> list[str]:
        """Return the marks of the groups that a text speaks of, once for each phrase that stands in it.

        Of phrases that overlap the longest counts: "connection refused" speaks of no sessions.
        """
        found = list[str]()
        place = 0
        while place < len(stems):
            for length in range(self.longest, 0, -1):
                marks = self.groups.get(tuple(stems[place : place + length]))
                if marks is not None:
                    found += marks
                    place += length - 1
                    break
            place += 1
        return found

    def knows(self, stem: str) -> bool:
        """Tell whether a word by itself belongs to a group."""
        return (stem,) in self.groups


def parse(text: str) -> Thesaurus:
    """Return the groups that ``text`` has, a line each."""
    groups = dict[tuple[str, ...], list[str]]()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for number, line in enumerate(lines):
        for phrase in line.split(","):
            stems = tuple(words(phrase))
            marks = groups.setdefault(stems, [])
            if stems and f"{_MARK}{number}" not in marks:
                marks.append(f"{_MARK}{number}")
    groups.pop((), None)
    return Thesaurus({phrase: tuple(marks) for phrase, marks in groups.items()}, max(map(len, groups), default=0))


@cache
def shipped() -> Thesaurus:
    """Return the one that comes with the package, also where that is a zip."""
    return parse(files("nagare.diagnosis.kb").joinpath("thesaurus.txt").read_text(encoding="utf-8"))
