"""What is typed becomes targets and typed arguments, or a refusal that says what to type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.cli.jobs.words import find_action, parse_arguments
from nagare.client.jobs.target_words import parse_targets
from nagare.errors import InputError, NotFoundError
from nagare.wire.command_jobs import ActionView, Targets
from tests.support.command_server import ACTIONS

DEPLOY = find_action(ACTIONS, "site.deploy")
NAMES = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,10}[a-z0-9]", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        (["web1"], Targets(hosts=["web1"])),
        (["web1,web2", "web1", ",db1,"], Targets(hosts=["web1", "web2", "db1"])),
        (["@web,@db", "@web"], Targets(groups=["web", "db"])),
        (["role=db,rack=b7", "role=db"], Targets(labels={"role": "db", "rack": "b7"})),
        (["zone=a=b"], Targets(labels={"zone": "a=b"})),
    ],
)
def test_a_word_is_a_host_a_group_or_a_label(words: list[str], targets: Targets) -> None:
    assert parse_targets(words, [], "", every=False) == targets


def test_a_label_given_as_an_option_may_have_commas() -> None:
    assert parse_targets([], ["role=a,b"], "", every=False) == Targets(labels={"role": "a,b"})


@pytest.mark.parametrize(
    ("words", "labels", "said"),
    [
        (["role=a", "role=b"], [], "role=a is asked for too"),
        (["role=a"], ["role=b"], "role=b is asked for too"),
        (["=a"], [], "must read KEY=VALUE"),
        (["web 1"], [], "cannot use host name"),
        (["-rf"], [], "cannot use host name"),
        ([","], [], "none is named"),
    ],
)
def test_what_is_no_target_is_refused(words: list[str], labels: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_targets(words, labels, "", every=False)


@given(st.lists(NAMES, min_size=1), st.lists(NAMES), st.dictionaries(NAMES, NAMES))
def test_targets_hold_all_that_was_named_and_nothing_else(
    hosts: list[str], groups: list[str], labels: dict[str, str]
) -> None:
    words = [*hosts, *(f"@{group}" for group in groups), *(f"{key}={value}" for key, value in labels.items())]
    found = parse_targets([",".join(words)], [], "", every=False)
    assert (set(found.hosts), set(found.groups), found.labels) == (set(hosts), set(groups), labels)
    assert len(found.hosts) == len(set(found.hosts))
    assert not found.all


@given(VALUES, st.lists(VALUES, min_size=1, max_size=5), st.integers(), st.booleans())
def test_values_come_through_as_they_are_typed(text: str, parts: list[str], number: int, flag: bool) -> None:
    words = [f"version={text}", f"workers={number}", f"force={str(flag).lower()}", *(f"only={part}" for part in parts)]
    assert parse_arguments(DEPLOY, words) == {"version": text, "only": parts, "workers": number, "force": flag}


@given(VALUES)
def test_a_secret_is_never_taken_from_the_line_nor_shown(value: str) -> None:
    with pytest.raises(InputError, match="it is a secret") as caught:
        parse_arguments(DEPLOY, [f"token=§{value}§"])
    assert f"§{value}§" not in caught.value.message + caught.value.hint


def test_the_nearest_action_is_named() -> None:
    with pytest.raises(NotFoundError) as caught:
        find_action(ACTIONS, "host.uptme")
    assert caught.value.hint == "did you mean 'host.uptime'?"
    with pytest.raises(NotFoundError) as caught:
        find_action(list[ActionView](), "x")
    assert "nagare commands actions" in caught.value.hint
