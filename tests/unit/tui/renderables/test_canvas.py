"""The grid keeps its size whatever is written on it, and foreign text arrives harmless."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from nagare.tui.renderables.canvas import Canvas, lines_text, lines_width
from nagare.tui.renderables.cell_text import cells, cut, fit
from nagare.tui.renderables.palette import make_style
from tests.unit.tui.samples import texts

RED = make_style("#d55e00")


@given(texts, st.integers(0, 40), st.booleans())
def test_fitted_text_has_exactly_its_width(text: str, width: int, right: bool) -> None:
    assert cell_len(fit(text, width, right=right)) == width
    assert cell_len(cut(text, width)) <= width


@given(texts)
def test_no_escape_survives(text: str) -> None:
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in cells(text))


@given(st.lists(st.tuples(st.integers(-3, 8), st.integers(-5, 30), texts)), st.integers(0, 24), st.integers(0, 6))
def test_nothing_is_drawn_outside(writes: list[tuple[int, int, str]], width: int, height: int) -> None:
    canvas = Canvas(width, height)
    for row, column, text in writes:
        canvas.put(row, column, text, RED)
    lines = canvas.lines()
    assert len(lines) == height
    # A wide character that was half overwritten may leave its row narrower, never wider.
    assert all(sum(cell_len(segment.text) for segment in line) <= width for line in lines)


def test_a_wide_character_is_not_split_at_the_border() -> None:
    canvas = Canvas(5, 1)
    assert canvas.put(0, 0, "漢字漢", RED) == 4
    assert lines_text(canvas.lines()) == ["漢字 "]


def test_half_a_wide_character_becomes_a_space() -> None:
    canvas = Canvas(6, 1)
    canvas.put(0, 0, "漢字漢", RED)
    canvas.put(0, 1, "x", RED)
    canvas.put(0, 4, "y", RED)
    assert lines_text(canvas.lines()) == [" x字y "]
    assert lines_width(canvas.lines()) == 6


def test_runs_of_one_style_are_one_segment() -> None:
    canvas = Canvas(12, 1)
    canvas.put(0, 0, "ab", RED)
    canvas.put(0, 4, "cd", RED)
    assert [(segment.text, segment.style) for segment in canvas.lines()[0]] == [("ab  cd      ", RED)]


def test_blank_cells_keep_a_background_and_do_not_take_their_neighbours() -> None:
    back = make_style("#ffffff", "#1a2027")
    canvas = Canvas(6, 1)
    canvas.put(0, 0, "a ", back)
    assert [(segment.text, segment.style) for segment in canvas.lines()[0]] == [("a ", back), ("    ", Style.null())]


def test_fill_blank_leaves_what_is_drawn() -> None:
    canvas = Canvas(4, 2)
    canvas.put(0, 1, "xx", RED)
    canvas.fill_blank(slice(0, 2), slice(0, 4), ".", make_style("#39434d"))
    assert lines_text(canvas.lines()) == [".xx.", "...."]


def test_a_canvas_without_cells() -> None:
    assert Canvas(0, 2).lines() == [[], []]
    assert Canvas(3, 0).lines() == []
    assert Canvas(-1, -1).lines() == []
    assert lines_width([]) == 0


def test_a_cut_is_shown() -> None:
    assert cut("web-frontend", 6) == "web-f…"
    assert cut("web-frontend", 6, "~") == "web-f~"
    assert cut("web", 0) == ""
    assert cut("漢字", 3) == "漢…"
