"""How well the knowledge base finds the page of an alert, and how long it takes: 200 pages of three seeds, none tuned on."""

import time
from collections.abc import Callable

from benches.report import Row, Section
from benches.runbooks.made import NONSENSE, Made, gain, make
from nagare.diagnosis.kb.embedding import Embedder, find_embedder
from nagare.diagnosis.kb.library import Library
from nagare.diagnosis.kb.library_shelf import Shelf
from nagare.model.diagnosis.knowledge import PageText

SEEDS = (101, 202, 303)


def library_of(made: Made, embedder: Embedder | None = None) -> Library:
    """Return an index of the pages."""
    return Library([Shelf("made", "", PageText(path, "", text)) for path, text in made.pages.items()], embedder)


def measure(made: Made, library: Library) -> tuple[float, float]:
    """Return the mean gain over all alerts, and the share of nonsense that got an answer."""
    found = [gain([one.path for one in library.search(text, 10)], path) for text, path in made.asked]
    answered = sum(bool(library.search(text, 10)) for text in NONSENSE)
    return sum(found) / len(found), answered / len(NONSENSE)


def plain_words(made: Made) -> float:
    """Return the mean gain of counting shared words, which is what a plain search does."""
    pages = {path: set(text.lower().split()) for path, text in made.pages.items()}

    def ranked(text: str) -> list[str]:
        asked = set(text.lower().split())
        return sorted(pages, key=lambda path: -len(asked & pages[path]))

    return sum(gain(ranked(text), path) for text, path in made.asked) / len(made.asked)


def run() -> Section:
    """Measure each seed."""
    section = Section("Knowledge base", "200 runbooks and an alert about each; nDCG@10, mean over three seeds.")
    mades = [make(seed) for seed in SEEDS]
    beside = sum(map(plain_words, mades)) / len(mades)
    embedder = find_embedder()
    for name, model in (("words and thesaurus", None), *([("with a model", embedder)] if embedder else [])):
        begun = time.perf_counter()
        libraries = [library_of(made, model) for made in mades]
        indexed = (time.perf_counter() - begun) / len(mades)
        begun = time.perf_counter()
        results = [measure(made, library) for made, library in zip(mades, libraries, strict=True)]
        asked = (time.perf_counter() - begun) / sum(len(made.asked) + len(NONSENSE) for made in mades)
        mean: Callable[[int], float] = lambda place: sum(one[place] for one in results) / len(results)  # noqa: B023, E731
        section.rows += [
            Row(f"nDCG@10, {name}", mean(0), "", beside, "shared words", 0.85, more_is_better=True),
            Row(f"nonsense answered, {name}", mean(1) * 100, "%", promise=0),
            Row(f"index of 200 pages, {name}", indexed * 1000, "ms"),
            Row(f"one question, {name}", asked * 1000, "ms"),
        ]
    return section
