from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.model.command.plan import check_arguments, plan_of
from tests.unit.model.command.actions import action, with_parameter

HOSTILE = ["; reboot", "$(reboot)", "`reboot`", "a b", "*", "~", "| cat", "> /x", "&& x", "'\"", "\\", "%n", "{x}", "é"]


def _argv(run: list[str], value: Any, **parameter: Any) -> tuple[str, ...]:
    made = with_parameter(run, **parameter)
    return plan_of(made, check_arguments(made, {"x": value})).argvs[0]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_one_word(value: str) -> None:
    assert _argv(["echo", "--", "{x}"], value, type="string") == ("echo", "--", value)
    assert _argv(["echo", "--text={x}!"], value, type="string") == ("echo", f"--text={value}!")


@pytest.mark.parametrize("value", ["-x", "--all", "-"])
def test_a_leading_dash_needs_a_guard(value: str) -> None:
    with pytest.raises(InputError, match="begins with a dash"):
        _argv(["echo", "{x}"], value, type="string")
    assert _argv(["echo", "--", "{x}"], value, type="string")[2] == value
    assert _argv(["echo", "--text={x}"], value, type="string")[1] == f"--text={value}"


def test_a_list_becomes_one_word_for_each_part() -> None:
    assert _argv(["echo", "--", "{x}"], ["a b", "c"], type="string", list=True) == ("echo", "--", "a b", "c")
    assert _argv(["echo", "--x={x}"], ["a", "b"], type="string", list=True) == ("echo", "--x=a", "--x=b")
    assert _argv(["echo", "--", "{x}"], [], type="string", list=True) == ("echo", "--")


def test_what_is_not_given_takes_its_word_away_or_has_a_default() -> None:
    optional = with_parameter(["echo", "--x={x}"], type="string", optional=True)
    assert plan_of(optional, check_arguments(optional, {})).argvs == (("echo",),)
    usual = with_parameter(["echo", "{x}"], type="integer", default=7, low=0)
    assert plan_of(usual, check_arguments(usual, {})).argvs == (("echo", "7"),)


def test_every_fault_is_named_with_its_place() -> None:
    made = action(
        run=[["echo", "{a}", "--", "{b}"]], parameters={"a": {"type": "integer", "low": 0}, "b": {"type": "unit"}}
    )
    with pytest.raises(InputError) as raised:
        check_arguments(made, {"a": "x", "c": 1})
    assert {fault["pointer"] for fault in raised.value.errors} == {"#/arguments/a", "#/arguments/b", "#/arguments/c"}
    assert "a, b" in raised.value.hint


def test_the_words_have_a_bound_together() -> None:
    made = with_parameter(["echo", "--", "{x}"], type="string", list=True, longest=65_536, most=16)
    with pytest.raises(InputError, match="longer than"):
        plan_of(made, check_arguments(made, {"x": ["y" * 65_000] * 5}))


def test_a_secret_is_named_and_never_a_word() -> None:
    made = action(
        run=[["login"]],
        parameters={"password": {"type": "secret", "into": "stdin"}, "token": {"type": "secret", "into": "TOKEN"}},
    )
    arguments = check_arguments(made, {}, ["password", "token"])
    assert arguments == {}
    plan = plan_of(made, arguments, ["password", "token"])
    assert (plan.stdin_secret, plan.environment_secrets) == ("password", {"TOKEN": "token"})
    with pytest.raises(InputError, match="is missing"):
        check_arguments(made, {}, ["password"])


def test_the_hash_of_a_plan_tells_any_difference() -> None:
    base = with_parameter(["echo", "--", "{x}"], type="string", list=True)
    hashes = {plan_of(base, {"x": value}).sha256 for value in (["a b"], ["a", "b"], ["ab"], ["a"], [])}
    other = with_parameter(["echo", "--", "{x}"], type="string", list=True, longest=99)
    hashes.add(plan_of(other, {"x": ["a"]}).sha256)
    assert len(hashes) == 6


@given(st.text(), st.sampled_from([["echo", "{x}"], ["echo", "--", "{x}"], ["echo", "--y={x}", "z"]]))
def test_a_value_never_becomes_other_words(value: str, run: list[str]) -> None:
    made = with_parameter(run, type="string", longest=10_000, lines=True)
    try:
        argv = plan_of(made, check_arguments(made, {"x": value})).argvs[0]
    except InputError:
        return
    assert argv == tuple(word.replace("{x}", value) for word in run)
    # Before "--", what the value makes is an option only where the author wrote the dashes.
    assert run[1] != "{x}" or not argv[1].startswith("-")
    assert all("\x00" not in word for word in argv)


@given(st.lists(st.text(), max_size=5))
def test_a_list_of_n_texts_becomes_n_words(values: list[str]) -> None:
    made = with_parameter(["echo", "--", "{x}"], type="string", list=True)
    try:
        argv = plan_of(made, check_arguments(made, {"x": values})).argvs[0]
    except InputError:
        return
    assert argv == ("echo", "--", *values)
