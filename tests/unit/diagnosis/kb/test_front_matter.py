"""What stands at the beginning of a page."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.diagnosis.kb.front_matter import LINES_LIMIT, read_front_matter
from nagare.diagnosis.kb.page_kind import kind_of
from nagare.model.diagnosis.knowledge import PageKind

_PAGE = [
    "---",
    'title: "Replica lag"   # shown above',
    "tags: [postgres, 'lag']",
    "alerts:",
    "  - PgLag",
    "  - PgLagHigh",
    "outcome: failed over by hand",
    "nested:",
    "  key: value",
    "---",
    "body",
]


def test_names_have_one_value_or_several() -> None:
    front = read_front_matter(_PAGE)
    assert front.first("name", "title") == "Replica lag"
    assert front.all_of("tags", "alerts") == ("postgres", "lag", "PgLag", "PgLagHigh")
    assert front.lines == len(_PAGE) - 1


def test_toml_between_plus_signs() -> None:
    front = read_front_matter(["+++", 'title = "T"', "tags = ['a', 'b']", "[more]", "x = 1", "+++", "body"])
    assert (front.first("title"), front.all_of("tags"), front.lines) == ("T", ("a", "b"), 6)


def test_broken_toml_is_left_out_and_its_lines_too() -> None:
    front = read_front_matter(["+++", "title = ", "+++", "body"])
    assert (dict(front.values), front.lines) == ({}, 3)


def test_without_an_end_there_is_none() -> None:
    assert read_front_matter(["---", "title: x"]).lines == 0
    assert read_front_matter(["---", *["x: y"] * (LINES_LIMIT + 1), "---"]).lines == 0
    assert read_front_matter([]).lines == 0


def test_what_is_no_plain_value_is_not_read() -> None:
    front = read_front_matter(["---", "a: &x 1", "b: {c: d}", "e: |", "  text", "---"])
    assert dict(front.values) == {}


@given(st.lists(st.text(max_size=80), max_size=30), st.sampled_from(["---", "+++"]))
def test_any_lines_are_read(lines: list[str], fence: str) -> None:
    front = read_front_matter([fence, *lines, fence])
    assert 0 <= front.lines <= len(lines) + 2
    assert all(value and len(value) <= 500 for values in front.values.values() for value in values)


def test_a_kind_is_said_or_follows_from_the_folder() -> None:
    said = read_front_matter(["---", "type: postmortem", "---"])
    none = read_front_matter([])
    assert kind_of("runbooks/a.md", said) is PageKind.INCIDENT
    assert kind_of("team/Incidents/2026/a.md", none) is PageKind.INCIDENT
    assert kind_of("notes/a.md", none) is PageKind.NOTE
    assert kind_of("a.md", none) is PageKind.RUNBOOK
    assert kind_of("a.md", read_front_matter(["---", "outcome: fixed", "---"])) is PageKind.INCIDENT


def test_a_number_that_no_decimals_write_is_left_out() -> None:
    assert read_front_matter(["+++", 'title = "x"', f"y = 0x{'f' * 5000}", "+++"]).values == {}


def test_a_key_of_very_many_parts_is_not_read() -> None:
    assert read_front_matter(["+++", 'title = "x"', f"a{'.a' * 100_000} = 1", "+++"]).values == {}
