"""All pages as one index that never changes: made anew when a page does, asked from any thread.

Words and marks of the thesaurus are two rankers whose scores are summed and divided by what a perfect page would have:
the quotient is how well a page fits. Whether anything fits at all is told by how well pages fit questions about anything else,
which every library is asked when it is made. A model's vectors are the third ranker, among what fits.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

import numpy as np

from nagare.diagnosis.kb.chunks import Chunk, Page, read_page
from nagare.diagnosis.kb.embedding import Embedder, Vectors
from nagare.diagnosis.kb.library_shelf import Shelf
from nagare.diagnosis.kb.page_kind import kind_of
from nagare.diagnosis.kb.postings import Postings, Scores
from nagare.diagnosis.kb.questions import Question, read_question
from nagare.diagnosis.kb.steps import find_steps
from nagare.diagnosis.kb.thesaurus import Thesaurus, shipped
from nagare.diagnosis.kb.words import COMMON, words
from nagare.model.diagnosis.knowledge import SHIPPED, Passage

# Below it nothing fits, whatever the library is; and above the other one something does.
_LEAST_FIT, _SURE_FIT = 0.09, 0.3
# A page must fit better than all but three questions about anything else are fitted.
_CHANCE_PLACE = 3
# What is so much worse than the best does not belong into the same answer.
_LEAST_OF_BEST = 0.5
# What a word counts by where it stands.
_TITLE, _HEADING, _BODY = 4.0, 1.5, 1.0
_MARKS = 1.2
_VECTORS = 0.1
# A share of what a rare word says, added to what a perfect page would have: one word that fits by chance is no answer.
_CHANCE = 0.5
_STRANGE = 1.5
# People's own pages come before the shipped one on the same matter.
_SHIPPED_SHARE = 0.6
_LOOKED_AT = 50
# Characters that are looked at for the best passages of one answer, a second of work; each page has the same share.
_TEXT_LIMIT = 2**21
# The headings of a page count once for each passage below them: characters that a small page with very many can cost.
_HEADINGS_LIMIT = 2**16


class Library:
    """The index; nothing of it changes."""

    def __init__(self, shelves: Iterable[Shelf], embedder: Embedder | None = None) -> None:
        """Read and count every page: blocking, a second for some thousand pages."""
        self._thesaurus = shipped()
        read = [(shelf, read_page(shelf.page.text)) for shelf in shelves]
        # What has nothing but its front matter has no lines to cite.
        self._shelves = [shelf for shelf, page in read if page.chunks]
        self._pages = [page for _, page in read if page.chunks]
        counted = [
            _counted(shelf, page, self._thesaurus) for shelf, page in zip(self._shelves, self._pages, strict=True)
        ]
        self._words = Postings([one for one, _ in counted])
        self._marks = Postings([one for _, one in counted])
        self._share: Scores = np.array([_SHIPPED_SHARE if shelf.source == SHIPPED else 1.0 for shelf in self._shelves])
        self._embedder = embedder
        self._vectors, self._owners = self._embedded()
        self._least_fit = self._calibrated()

    def search(self, text: str, limit: int, source: str = "") -> list[Passage]:
        """Return the best passage of each page that fits ``text``, the best first; nothing when none does."""
        question = read_question(text, self._thesaurus)
        fits = self._fits(question) * self._share
        if source:
            fits *= np.array([shelf.source == source for shelf in self._shelves], dtype=np.float64)
        best = float(fits.max(initial=0.0))
        if best < self._least_fit:
            return []
        scores = self._scored(text, fits)
        order = [int(number) for number in np.argsort(-scores, kind="stable")]
        found = [number for number in order if fits[number] >= best * _LEAST_OF_BEST and scores[number] > 0]
        told = found[: min(limit, _LOOKED_AT)]
        share = _TEXT_LIMIT // max(1, len(told))
        return [self._passage(number, question, float(scores[number]), share) for number in told]

    def page(self, source: str, path: str) -> Page | None:
        """Return a page, None where there is none."""
        wanted = (shelf.source == source and shelf.page.path == path for shelf in self._shelves)
        return next((page for page, is_it in zip(self._pages, wanted, strict=True) if is_it), None)

    def _fits(self, question: Question) -> Scores:
        """Return for each page which share of what the question asks for it has."""
        costs = sum((self._cost(word, cost) for word, cost in question.costs.items()), start=0.0)
        costs += _MARKS * sum(weight * self._marks.rarity(mark) for mark, weight in question.marks.items())
        perfect = costs + _CHANCE * math.log(1 + (self._words.count + 0.5) / 0.5)
        found = self._words.scores(question.words) + _MARKS * self._marks.scores(question.marks)
        # Names cost less than they give when a page holds them, so that a page may have more than all.
        return np.divide(found, max(perfect, float(found.max(initial=0.0))))

    def _calibrated(self) -> float:
        """Return how well a page must fit here: libraries differ in how much of anything stands in them."""
        by_chance = sorted(
            (
                float((self._fits(read_question(text, self._thesaurus)) * self._share).max(initial=0.0))
                for text in _elsewhere()
            ),
            reverse=True,
        )
        return min(_SURE_FIT, max(_LEAST_FIT, by_chance[_CHANCE_PLACE]))

    def _cost(self, word: str, cost: float) -> float:
        """Return what it costs a page to lack ``word``.

        Nothing where it has a mark and no page holds it; more where nobody knows it, for then the question is about other things.
        """
        if self._words.holds(word):
            return cost * self._words.rarity(word)
        if self._thesaurus.knows(word):
            return 0.0
        return cost * self._words.rarity(word) * (_STRANGE if cost >= 1 else 1.0)

    def _scored(self, text: str, fits: Scores) -> Scores:
        if self._embedder is None or not len(self._owners):
            return fits
        near = np.zeros(len(fits))
        np.maximum.at(near, self._owners, (self._vectors @ self._embedder.embed([text])[0]).astype(np.float64))
        return np.asarray((fits + _VECTORS * near * self._share) / (1 + _VECTORS))

    def _passage(self, number: int, question: Question, score: float, share: int) -> Passage:
        """Return the best of the passages that begin within the first ``share`` characters of a page."""
        shelf, page = self._shelves[number], self._pages[number]
        _, chunk = max(
            ((self._fit_of(text, question), one) for one, text in _beginning(page, share)), key=lambda fit: fit[0]
        )
        return passage_of(shelf, page, chunk, round(score, 4))

    def _fit_of(self, text: str, question: Question) -> float:
        stems = words(text)
        held, marks = set(stems), set(self._thesaurus.marks(stems))
        found = sum(weight * self._words.rarity(word) for word, weight in question.words.items() if word in held)
        return found + _MARKS * sum(self._marks.rarity(mark) for mark in question.marks if mark in marks)

    def _embedded(self) -> tuple[Vectors, np.ndarray[tuple[int], np.dtype[np.int64]]]:
        texts, owners = list[str](), list[int]()
        for number, page in enumerate(self._pages if self._embedder else ()):
            for chunk in page.chunks:
                texts.append(f"{_name(self._shelves[number])}. {' '.join(chunk.headings)}. {chunk.text}")
                owners.append(number)
        vectors = self._embedder.embed(texts) if self._embedder else np.zeros((0, 0), dtype=np.float32)
        return vectors, np.array(owners, dtype=np.int64)


def _beginning(page: Page, share: int) -> Iterator[tuple[Chunk, str]]:
    """Yield the passages of a page, each with its text and the headings above, until ``share`` characters are used up."""
    for chunk in page.chunks:
        text = f"{' '.join(chunk.headings)}\n{chunk.text}"[:share]
        yield chunk, text
        share -= len(text)
        if share <= 0:
            return


def passage_of(shelf: Shelf, page: Page, chunk: Chunk, score: float) -> Passage:
    """Return ``chunk`` with its exact place."""
    steps, steps_at = find_steps(page, chunk)
    return Passage(
        source=shelf.source,
        version=shelf.version,
        path=shelf.page.path,
        kind=kind_of(shelf.page.path, page.front),
        title=page.title or _name(shelf),
        headings=chunk.headings,
        first=chunk.first,
        last=chunk.last,
        score=score,
        text=chunk.text,
        outcome=page.front.first("outcome", "resolution", "resolved by", "root_cause"),
        steps=tuple(steps),
        steps_at=steps_at,
    )


@cache
def _elsewhere() -> tuple[str, ...]:
    text = files("nagare.diagnosis.kb").joinpath("elsewhere.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def _name(shelf: Shelf) -> str:
    return PurePosixPath(shelf.page.path).stem.replace("-", " ").replace("_", " ")


def _counted(shelf: Shelf, page: Page, thesaurus: Thesaurus) -> tuple[Mapping[str, float], Mapping[str, float]]:
    names = page.front.all_of("alert", "alerts", "alertname", "alert_names", "aliases", "keywords", "tags", "symptoms")
    fields = (
        (_TITLE, [*words(page.title), *words(_name(shelf)), *words(" . ".join(names))]),
        (_HEADING, _stems(_headings(page))),
        (_BODY, _stems(chunk.text for chunk in page.chunks)),
    )
    held, marked = Counter[str](), Counter[str]()
    for weight, stems in fields:
        for stem, times in Counter(stems).items():
            if stem not in COMMON:
                held[stem] += weight * times  # type: ignore[assignment]
        for mark, times in Counter(thesaurus.marks(stems)).items():
            marked[mark] += weight * times  # type: ignore[assignment]
    return held, marked


def _headings(page: Page) -> Iterator[str]:
    left = _HEADINGS_LIMIT
    for heading in (heading for chunk in page.chunks for heading in chunk.headings[1:]):
        yield heading
        left -= len(heading)
        if left <= 0:
            return


def _stems(texts: Iterable[str]) -> Sequence[str]:
    return [stem for text in texts for stem in words(text)]
