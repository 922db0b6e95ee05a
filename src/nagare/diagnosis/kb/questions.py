"""What a question asks for: its words, each with what it counts and what it costs when a page lacks it.

An alert's text is full of names: of hosts, pods, paths and numbers that no page will ever hold. They may fit, and cost
hardly anything when they do not; an ordinary word that no page holds tells that the question is about something else. Pure.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nagare.diagnosis.kb.thesaurus import Thesaurus
from nagare.diagnosis.kb.words import COMMON, words

# An alert with all its labels and its description is shorter; what is longer is cut, not refused.
QUESTION_LIMIT = 8_000
_NAME = re.compile(r"[\d./:=@\\_<>{}\[\]]|\w-\w")
_HUMP = re.compile(r"[a-z0-9][A-Z]")
_AROUND = ".,;:!?()[]\"'`"
# Each further time that a word stands there counts less.
_REPEATED = 0.3
# A word of no group of the thesaurus is hardly one of operations; one of a group has its mark beside it, and which of the
# names of a thing somebody wrote tells little more than that.
_ORDINARY, _MARKED = 0.7, 0.4
_NAME_COST = 0.1


@dataclass(frozen=True, slots=True)
class Question:
    """``words`` and ``marks`` (of the thesaurus) with their weights.

    ``costs`` has what the lack of each word costs.
    """

    words: Mapping[str, float]
    costs: Mapping[str, float]
    marks: Mapping[str, float]


def read_question(text: str, thesaurus: Thesaurus) -> Question:
    """Return what ``text`` asks for; no words at all when it has none of its own."""
    text = text[:QUESTION_LIMIT]
    stems = words(text)
    names = _names(text)
    weights = {word: 1 + _REPEATED * math.log(times) for word, times in Counter(stems).items() if word not in COMMON}
    marked = {word for word in weights if thesaurus.knows(word)}
    return Question(
        {word: weight * (_MARKED if word in marked else _ORDINARY) for word, weight in weights.items()},
        {word: weight * _cost(word, names, marked) for word, weight in weights.items()},
        dict.fromkeys(thesaurus.marks(stems), 1.0),
    )


def _cost(word: str, names: Collection[str], marked: Collection[str]) -> float:
    return _NAME_COST if word in names else _MARKED if word in marked else 1.0


def _names(text: str) -> frozenset[str]:
    """Return the words that stand in names only."""
    names, plain = set[str](), set[str]()
    for token in text.split():
        core = token.strip(_AROUND)
        stems = words(core)
        if _HUMP.search(core) and len(stems) > 1:
            # Of a name in camel case the parts are words of a sentence; the whole is a name.
            names.add(stems[0])
            plain.update(stems[1:])
        elif _NAME.search(core):
            names.update(stems)
        else:
            plain.update(stems)
    return frozenset(names - plain)
