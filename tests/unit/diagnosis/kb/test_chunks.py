"""Pages cut into passages: every passage is the lines that it names."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nagare.diagnosis.kb.chunks import PASSAGE_LIMIT, lines_of, read_page

_PAGE = """---
title: Lag
---
# Replica lag

Intro.

## Diagnosis

Look.

```sh
# no heading
make it so
```

### Deeper

Deep.

What to do
----------

Act.
"""


def test_a_passage_stands_below_its_headings() -> None:
    page = read_page(_PAGE)
    assert page.title == "Lag"
    assert [(chunk.headings, chunk.first, chunk.last) for chunk in page.chunks] == [
        (("Replica lag",), 4, 6),
        (("Replica lag", "Diagnosis"), 8, 15),
        (("Replica lag", "Diagnosis", "Deeper"), 17, 19),
        (("Replica lag", "What to do"), 21, 24),
    ]
    assert "# no heading" in page.chunks[1].text


def test_the_first_heading_is_the_title_where_nothing_else_is() -> None:
    assert read_page("# *Disk full* #\n\ntext").title == "Disk full"
    assert read_page("text alone").title == ""


def test_headings_alone_are_one_passage() -> None:
    (chunk,) = read_page("# One\n\n## Two\n").chunks
    assert (chunk.first, chunk.last, chunk.headings) == (1, 3, ())


def test_an_empty_page_has_none() -> None:
    assert read_page("").chunks == ()
    assert read_page("---\ntitle: x\n---\n\n").chunks == ()


def test_a_long_section_is_cut_between_paragraphs() -> None:
    paragraph = "word " * 100
    page = read_page("# Long\n\n" + "\n\n".join([paragraph] * 12))
    assert len(page.chunks) > 3
    assert all(len(chunk.text) <= PASSAGE_LIMIT for chunk in page.chunks)
    assert all(chunk.text.endswith("word ") for chunk in page.chunks)


_LINE = st.one_of(
    st.text(alphabet="ab#`~-=> \t\r\x0b\u2028", max_size=12),
    st.sampled_from(["# A", "## B", "```", "~~~", "---", "===", "", "text", "+++", "w " * 700]),
)


@given(
    st.one_of(
        st.binary(max_size=400).map(lambda data: data.decode("utf-8", "replace")),
        st.lists(_LINE, max_size=40).map("\n".join),
    )
)
@example("\ufeff---\n---")
@example("# A\n```\n# B")
@example("a\n===\n===\n---")
def test_the_lines_of_every_passage_are_its_text(text: str) -> None:
    lines, page = lines_of(text), read_page(text)
    covered = set[int]()
    last = 0
    for chunk in page.chunks:
        assert last < chunk.first <= chunk.last <= len(lines)
        assert "\n".join(lines[chunk.first - 1 : chunk.last]) == chunk.text
        assert chunk.text.strip()
        covered |= set(range(chunk.first, chunk.last + 1))
        last = chunk.last
    if page.chunks and not page.front.lines:
        plain = {number for number, line in enumerate(lines, 1) if line.strip() == "text"}
        assert plain <= covered


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("# x", "x"),
        ("# x ##", "x"),
        ("# x \t#\t ", "x"),
        ("# x#", "x#"),
        ("# x # y", "x # y"),
        ("#\tx", "x"),
        ("## #", None),
        ("#", None),
        ("#x", None),
        ("####### x", None),
        ("    # x", None),
    ],
)
def test_a_heading_ends_before_what_closes_it(line: str, heading: str | None) -> None:
    (chunk,) = read_page(f"{line}\n\ntext").chunks
    assert chunk.headings == (() if heading is None else (heading,))


def test_a_run_of_blanks_costs_no_more_than_other_text() -> None:
    line = "# " + " " * 1900 + "x"
    begun = time.thread_time()
    read_page("\n".join([line] * 500))
    # It took 27 s when the blanks were tried in every way.
    assert time.thread_time() - begun < 5
