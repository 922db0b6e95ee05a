"""Where a fault stands, by what the server says of it. The words are the server's own: see the tests of its SQL."""

import pytest

from nagare.errors import DeadlineExceededError, QuerySyntaxError
from nagare.tui.query.faults import excerpt, fault_of

_SQL = "select host,\n  busy_rato from cpu\nwhere note = 'busy_rato' and nope(1) > 2"


@pytest.mark.parametrize(
    ("message", "hint", "where"),
    [
        (
            'cannot run SQL: referenced column "busy_rato" not found in FROM clause',
            "did you mean 'busy_ratio'?",
            "line 2, column 3",
        ),
        ('cannot run SQL: syntax error at or near "cpu"', "near 'busy_rato from cpu'", "line 2, column 18"),
        ('cannot run SQL: syntax error at or near "gone"', "near 'busy_rato from cpu'", "line 2, column 1"),
        ("cannot query 'cpu': there is no such table", "did you mean 'cpus'?", "line 2, column 18"),
        ("cannot call nope(): the function is unknown or not allowed", "see the list", "line 3, column 30"),
    ],
)
def test_the_place_is_named(message: str, hint: str, where: str) -> None:
    fault = fault_of(_SQL, QuerySyntaxError(message, hint=hint))
    assert fault.where == where
    # A line that is shown with its carets is not told once more.
    assert fault.hint == ("" if hint.startswith("near ") else hint)


def test_carets_stand_below_the_place() -> None:
    fault = fault_of(_SQL, QuerySyntaxError('cannot run SQL: referenced column "busy_rato" not found'))
    shown, marks = excerpt(_SQL, fault)
    assert (shown, marks) == ("  busy_rato from cpu", "  ^^^^^^^^^")


def test_a_long_line_is_shown_around_the_place() -> None:
    sql = "select " + "a, " * 200 + "wrong from cpu"
    shown, marks = excerpt(sql, fault_of(sql, QuerySyntaxError('cannot run SQL: referenced column "wrong" not found')))
    assert len(shown) <= 70
    assert shown[marks.index("^") :].startswith("wrong")


def test_the_place_that_the_server_points_at_is_preferred() -> None:
    sql = "select from_at from cpu where from"
    error = QuerySyntaxError(
        'cannot run SQL: syntax error at or near "from"', hint=f"near {sql!r}", errors=[{"line": 1, "column": 31}]
    )
    assert fault_of(sql, error).where == "line 1, column 31"
    # It asks in its own words, which may be longer; a place without a name is told as it is.
    assert (
        fault_of(sql, QuerySyntaxError(error.message, errors=[{"line": 1, "column": 28}])).where == "line 1, column 31"
    )
    assert (
        fault_of(sql, QuerySyntaxError("cannot run SQL: no", errors=[{"line": 1, "column": 8}])).where
        == "line 1, column 8"
    )
    assert fault_of(sql, QuerySyntaxError("cannot run SQL: no", errors=[{"line": "x", "column": -1}])).where == ""


def test_what_has_no_place_has_none() -> None:
    fault = fault_of(_SQL, DeadlineExceededError("cannot finish query: its deadline passed", hint="ask for less"))
    assert (fault.line, fault.where, fault.hint) == (None, "", "ask for less")


def test_foreign_words_are_made_harmless() -> None:
    assert "\x1b" not in fault_of("x", QuerySyntaxError("cannot run SQL: \x1b[31m", hint="\x1b]0;")).message
