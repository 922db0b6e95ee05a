"""Questions to an index: the right page first, nothing where nothing fits, and exact places."""

import time
from collections.abc import Sequence

import numpy as np
import pytest

from benches.kb_bench import library_of, measure, plain_words
from benches.runbooks.made import make
from nagare.diagnosis.kb import library
from nagare.diagnosis.kb.embedding import Vectors
from nagare.diagnosis.kb.library import Library
from nagare.diagnosis.kb.library_shelf import Shelf
from nagare.diagnosis.kb.shipped import shipped_shelves
from nagare.diagnosis.kb.views import passage_view
from nagare.model.diagnosis.knowledge import PageKind, PageText

_LAG = """---
title: Standby far behind
outcome: failed over
---
# Standby far behind

The follower applies changes minutes after the primary.

## Mitigation

Send readers to the primary.
"""


def _shelf(path: str, text: str, source: str = "ops") -> Shelf:
    return Shelf(source, "c" * 40, PageText(path, "", text))


def test_a_passage_has_its_exact_place() -> None:
    library = Library(
        [_shelf("pg/lag.md", _LAG), _shelf("pg/full.md", "# Disk full\n\nNo space left on the data volume.")]
    )
    (found, *_) = library.search("db3: replica is 900 s behind, send readers elsewhere", 5)
    assert (found.path, found.title, found.kind) == ("pg/lag.md", "Standby far behind", PageKind.INCIDENT)
    assert (found.headings, found.first, found.last) == (("Standby far behind", "Mitigation"), 9, 11)
    assert found.text == "\n".join(_LAG.split("\n")[8:11])
    assert (found.version, found.outcome) == ("c" * 40, "failed over")
    assert 0 < found.score <= 1


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("web1: /srv is 97 % full", "DiskFull.md"),
        ("the clock of node-3 is out of sync by 4 s", "ClockSkew.md"),
        ("systemd unit postgresql.service has failed", "UnitFailed.md"),
        ("kernel: Out of memory: Killed process 4711 (java)", "OomKill.md"),
        ("x509: certificate for web1.example.org expires in 5 days", "CertificateExpires.md"),
        ("HostDown", "HostDown.md"),
    ],
)
def test_the_shipped_pages_answer_from_the_start(text: str, page: str) -> None:
    assert page in [one.path for one in Library(shipped_shelves()).search(text, 2)]


@pytest.mark.parametrize(
    "text", ["", "   ", "the of and", "!!! ???", "12 34", "who composed the opera about a barber", "\0\x1b[2J"]
)
def test_nothing_fits_a_question_about_anything_else(text: str) -> None:
    assert Library(shipped_shelves()).search(text, 10) == []


def test_an_answer_looks_at_no_more_text_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_TEXT_LIMIT", 200)
    late = (
        "# Lag\n\n" + "Look at the follower of postgres. " * 5 + "\n\n## Later\n\nThe follower of postgres lags: lag.\n"
    )
    made = Library([_shelf("a.md", late)])
    (found,) = made.search("postgres follower lag later", 1, "ops")
    assert found.first == 1
    monkeypatch.setattr(library, "_TEXT_LIMIT", 2**21)
    (found,) = made.search("postgres follower lag later", 1, "ops")
    assert found.first == 5


def test_the_headings_of_a_small_page_do_not_cost_as_those_of_a_large_one() -> None:
    above = "".join(f"{'#' * level} {'word ' * 39}\n" for level in range(1, 6))
    begun = time.thread_time()
    Library([_shelf(f"{number}.md", above + "###### x\ny\n" * 2000) for number in range(4)])
    # They took a second for each page.
    assert time.thread_time() - begun < 2.5


def test_an_empty_library_has_no_answers() -> None:
    assert Library([]).search("disk full", 10) == []
    assert Library([_shelf("a.md", "---\ntitle: x\n---\n")]).search("x", 10) == []


def test_peoples_own_page_comes_before_the_shipped_one() -> None:
    own = _shelf("full.md", "# Volume full\n\nA file system has hardly any room left. Remove what is old.")
    found = Library([*shipped_shelves(), own]).search("web1: /srv file system is 97 % full", 5)
    assert [one.source for one in found][:2] == ["ops", "shipped"]


def test_one_source_alone_can_be_asked() -> None:
    shelves = [_shelf("a.md", _LAG), _shelf("b.md", _LAG, "other"), *shipped_shelves()]
    found = Library(shelves).search("standby far behind", 10, "other")
    assert [(one.source, one.path) for one in found] == [("other", "b.md")]


def test_made_runbooks_are_found_by_alerts_that_do_not_name_them() -> None:
    made = make(7)
    found, answered = measure(made, library_of(made))
    assert found >= 0.85
    assert answered == 0
    assert plain_words(made) < 0.3


class _Nearness:
    """Vectors by hand: texts that say ``left`` are near each other."""

    name = "by hand"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one of two directions."""
        return np.array([[1, 0] if "left" in text else [0, 1] for text in texts], dtype=np.float32)


def test_a_model_orders_what_fits_and_adds_nothing() -> None:
    shelves = [
        _shelf("a.md", "# Disk full\n\nright"),
        _shelf("b.md", "# Disk full\n\nleft"),
        _shelf("c.md", "# Fan\n\nleft"),
    ]
    found = Library(shelves, _Nearness()).search("disk full, left behind", 5)
    assert [one.path for one in found] == ["b.md", "a.md"]
    assert Library(shelves, _Nearness()).search("left alone in the garden of roses", 5) == []


def test_what_people_see_is_harmless() -> None:
    library = Library([_shelf("a.md", "# Disk \x1b[31mfull\n\nrun `x\u202ey`\tnow " + "z" * 9000)])
    (found,) = library.search("disk full", 5)
    view = passage_view(1, found, "/srv/ops")
    assert (view.file, view.lines) == ("/srv/ops/a.md", "1-3")
    assert not {"\x1b", "\u202e", "\t"} & set(view.passage + view.title + view.heading)
    assert len(view.passage) <= 4000
