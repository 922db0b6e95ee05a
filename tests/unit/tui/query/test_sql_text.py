"""Pieces of statements, finished and unfinished."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.tui.query.sql_text import PieceKind, lines_of_pieces, offset_of, parameters, pieces, place_of

_SIGNS = st.text(alphabet="ab_ 1.'\"$-/*\n(,\té€", max_size=60)


def _kinds(sql: str) -> list[tuple[str, str]]:
    return [(piece.kind.value, piece.text) for piece in pieces(sql)]


def test_words_are_told_apart_by_what_they_are() -> None:
    assert _kinds("select max(a), 'x''y' from \"T\" -- all\nwhere b > $most") == [
        ("keyword", "select"), ("function", "max"), ("sign", "("), ("word", "a"), ("sign", ")"), ("sign", ","), ("text", "'x'"),
        ("text", "'y'"), ("keyword", "from"), ("name", '"T"'), ("comment", "-- all"), ("keyword", "where"), ("word", "b"),
        ("sign", ">"), ("parameter", "$most"),
    ]  # fmt: skip


def test_what_is_not_closed_runs_to_the_end() -> None:
    assert _kinds("'a b") == [("text", "'a b")]
    assert _kinds("/* a\nb") == [("comment", "/* a\nb")]


def test_colours_go_on_over_lines() -> None:
    spans = lines_of_pieces("a /* b\nc */ 'd\ne'")
    assert spans == {
        0: ((2, 6, PieceKind.COMMENT),), 1: ((0, 4, PieceKind.COMMENT), (5, 7, PieceKind.TEXT)), 2: ((0, 2, PieceKind.TEXT),),
    }  # fmt: skip


def test_parameters_are_named_once_and_not_in_texts() -> None:
    assert parameters("select $a, '$b', $c, $a -- $d") == ("a", "c")


@given(_SIGNS)
def test_no_letter_is_lost_and_no_blank_is_taken(sql: str) -> None:
    covered = 0
    for piece in pieces(sql):
        assert sql[piece.start : piece.end] == piece.text
        assert not sql[covered : piece.start].strip()
        covered = piece.end
    assert not sql[covered:].strip()


@given(_SIGNS, st.integers(min_value=0, max_value=60))
def test_a_place_is_its_offset(sql: str, at: int) -> None:
    at = min(at, len(sql))
    assert offset_of(sql, *place_of(sql, at)) == at


def test_a_text_beyond_the_limit_is_not_looked_at() -> None:
    assert pieces("a" * 40_000) == ()
