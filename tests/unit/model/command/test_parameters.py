from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.model.command.parameters import Kind, Parameter, check_secret, check_value, seconds_of, words_of

STRING = Parameter("x", Kind.STRING, longest=40)
UNIT = Parameter("x", Kind.UNIT)
PATH = Parameter("x", Kind.PATH, roots=("/var/log", "/srv"))
COUNT = Parameter("x", Kind.INTEGER, low=1, high=10)
PID = Parameter("x", Kind.PID)
AGE = Parameter("x", Kind.DURATION, low=60, high=86400)
CHOICE = Parameter("x", Kind.CHOICE, choices=("TERM", "KILL"))
FLAG = Parameter("x", Kind.FLAG, word="--all")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (STRING, "a; rm -rf $(x) `y` | z > w"),  # a word like any other: nobody splits or expands it
        (UNIT, "nginx.service"),
        (UNIT, "getty@tty1.service"),
        (UNIT, r"dev-disk\x2dby.swap"),
        (PATH, "/var/log"),
        (PATH, "/srv/a b/c"),
        (COUNT, 10),
        (PID, 4242),
        (AGE, "15m"),
        (CHOICE, "KILL"),
        (FLAG, True),
    ],
)
def test_a_lawful_value_stays_as_it_is(parameter: Parameter, value: Any) -> None:
    assert check_value(parameter, value) == value


@pytest.mark.parametrize(
    ("parameter", "value", "cause"),
    [
        (STRING, "", "is empty"),
        (STRING, "x" * 41, "41 characters"),
        (STRING, "a\x00b", "U+0000"),
        (STRING, "a\nb", "U+000A"),
        (STRING, "a\x1b[2Jb", "U+001B"),
        (STRING, "a\u2028b", "U+2028"),
        (STRING, "\ud800", "no Unicode"),
        (STRING, 7, "must be a text"),
        (UNIT, "-nginx", "no name of a systemd unit"),
        (UNIT, "--force", "no name of a systemd unit"),
        (UNIT, "nginx;reboot", "no name of a systemd unit"),
        (UNIT, "ngi*", "no name of a systemd unit"),
        (UNIT, "nginx\n", "U+000A"),
        (UNIT, "a/b", "no name of a systemd unit"),
        (PATH, "var/log", "must begin with /"),
        (PATH, "/var/log/../../etc/shadow", "must be plain"),
        (PATH, "/var/log/./x", "must be plain"),
        (PATH, "/var/log//x", "must be plain"),
        (PATH, "/var/log/", "must be plain"),
        (PATH, "/var/logs", "must lie below /var/log or /srv"),
        (PATH, "/etc/shadow", "must lie below"),
        (COUNT, 11, "within 1 to 10"),
        (COUNT, True, "must be a whole number"),
        (COUNT, "3", "must be a whole number"),
        (COUNT, 3.0, "must be a whole number"),
        (PID, 1, "within 2 to"),
        (PID, 0, "within 2 to"),
        (PID, -4, "within 2 to"),
        (PID, 2**22 + 1, "within 2 to"),
        (AGE, "15", "such as 15m"),
        (AGE, "15m; reboot", "such as 15m"),
        (AGE, "59s", "within 60 to 86400 seconds"),
        (CHOICE, "STOP", "one of TERM, KILL"),
        (FLAG, 1, "true or false"),
        (Parameter("x", Kind.SECRET, into="stdin"), "hunter2", "must not stand among the arguments"),
    ],
)
def test_another_value_is_refused_with_its_cause(parameter: Parameter, value: Any, cause: str) -> None:
    with pytest.raises(InputError) as raised:
        check_value(parameter, value)
    assert cause in raised.value.message
    assert raised.value.errors[0]["pointer"] == "#/arguments/x"


def test_a_pattern_must_match_the_whole_value() -> None:
    parameter = Parameter("x", Kind.STRING, pattern="[a-z]+")
    assert check_value(parameter, "abc") == "abc"
    for value in ("abc1", "abc\n", "1abc"):
        with pytest.raises(InputError):
            check_value(parameter, value)


def test_a_text_of_lines_may_have_them_and_nothing_worse() -> None:
    parameter = Parameter("x", Kind.STRING, has_lines=True)
    assert check_value(parameter, "a\n\tb") == "a\n\tb"
    for value in ("a\x00", "a\rb", "a\x1b[0m"):
        with pytest.raises(InputError):
            check_value(parameter, value)


def test_a_list_is_checked_part_by_part_and_bounded() -> None:
    parameter = Parameter("x", Kind.UNIT, is_list=True, most=2)
    assert words_of(parameter, check_value(parameter, ["a", "b"])) == ["a", "b"]
    for value in (["a", "-b"], ["a", "b", "c"], "a", [["a"]]):
        with pytest.raises(InputError):
            check_value(parameter, value)


def test_durations_become_seconds() -> None:
    assert [seconds_of(text) for text in ("90s", "15m", "2h", "1d")] == [90, 900, 7200, 86400]
    assert words_of(AGE, "15m") == ["900"]


def test_a_flag_is_its_word_or_none() -> None:
    assert words_of(FLAG, True) == ["--all"]
    assert words_of(FLAG, False) == []


def test_an_error_never_shows_a_secret() -> None:
    parameter = Parameter("x", Kind.SECRET, into="stdin")
    assert check_secret(parameter, "correct horse") == "correct horse"
    for value in ("abc", "x" * 4097, "line\nline"):
        with pytest.raises(InputError) as raised:
            check_secret(parameter, value)
        assert value not in raised.value.message


@given(st.text())
def test_what_a_path_parameter_takes_stays_below_its_root(value: str) -> None:
    import posixpath

    try:
        path = str(check_value(PATH, value))
    except InputError:
        return
    assert posixpath.normpath(path) == path
    assert path.startswith(("/var/log", "/srv"))
    assert "\x00" not in path


@given(st.text(alphabet="ab/.", max_size=20))
def test_a_path_of_dots_and_slashes_stays_below_its_root(tail: str) -> None:
    import posixpath

    try:
        path = str(check_value(PATH, "/srv/" + tail))
    except InputError:
        return
    assert posixpath.normpath(path) == path
