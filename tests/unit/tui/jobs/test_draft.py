"""What is typed into the form is checked by the rules of the action, and becomes exactly what was typed."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError, NagareError
from nagare.model.command.parameters import Kind
from nagare.tui.jobs.draft import Draft, fault_of, fields_of, parameter_of, request_of
from nagare.wire.command_jobs import Batches, ParameterView, Targets
from tests.tui.jobs import ACTIONS

DEPLOY = next(action for action in ACTIONS if action.name == "site.deploy")
_RIGHT = {"targets": "web-1", "argument-version": "4.2", "argument-mode": "blue"}


def _draft(**texts: str) -> Draft:
    return Draft(DEPLOY, {**_RIGHT, **{name.replace("_", "-", 1): text for name, text in texts.items()}})


def test_a_whole_form_becomes_its_request() -> None:
    draft = _draft(
        targets="web-1 @db role=cache,rack=b7", query="SELECT host FROM cpu", argument_only="'two words' other",
        argument_workers="8", argument_force="yes", argument_token="s3cret-value", why=" the fix ",
    )  # fmt: skip
    texts = {**draft.texts, "concurrency": "5", "canary": "1", "stop_after": "0", "expires": "15m"}
    request = request_of(Draft(DEPLOY, texts))
    assert request.targets == Targets(["web-1"], ["db"], {"role": "cache", "rack": "b7"}, "SELECT host FROM cpu")
    assert request.arguments == {
        "version": "4.2", "mode": "blue", "only": ["two words", "other"], "workers": 8, "force": True,
    }  # fmt: skip
    assert request.secrets == {"token": "s3cret-value"}
    assert (request.batches, request.why, request.expires_seconds) == (Batches(1, 5, 0), "the fix", 900)


def test_what_is_left_empty_is_left_out() -> None:
    request = request_of(_draft())
    assert request.arguments == {"version": "4.2", "mode": "blue"}
    assert (request.secrets, request.batches, request.expires_seconds) == ({}, Batches(), 300)


def test_every_host_must_be_said() -> None:
    assert request_of(_draft(targets="*")).targets == Targets(all=True)
    assert "beside it" in fault_of(_draft(targets="* web-1"), "targets")
    assert fault_of(_draft(targets=""), "targets") == "none is named"
    assert fault_of(_draft(targets="", query="SELECT 1"), "targets") == ""


@pytest.mark.parametrize(
    ("field", "text", "part"),
    [
        ("argument-version", "", "needed"),
        ("argument-version", "4.2; reboot", "does not match"),
        ("argument-version", "1" * 21, "20 at the most"),
        ("argument-mode", "green", "one of rolling, blue"),
        ("argument-workers", "65", "within 1 to 64"),
        ("argument-workers", "many", "whole number"),
        ("argument-force", "maybe", "true or false"),
        ("argument-only", "'open", "quote"),
        ("argument-token", "abc", "4 to 4096"),
        ("targets", "../etc", "lawful"),
        ("targets", "a=1 a=2", "all must fit"),
        ("concurrency", "0", "from 1"),
        ("canary", "-1", "from 0"),
        ("stop_after", "x", "whole number"),
        ("expires", "1s", "between 5s and 7d"),
        ("expires", "soon", "number with a unit"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_makes_no_request(field: str, text: str, part: str) -> None:
    draft = Draft(DEPLOY, {**_RIGHT, field: text})
    assert part in fault_of(draft, field)
    with pytest.raises(InputError):
        request_of(draft)
    others = [other.id for other in fields_of(DEPLOY) if other.id not in (field, "query")]
    assert [fault_of(draft, other) for other in others if other != "targets" or field != "query"] == [""] * len(others)


def test_a_secret_is_shown_nowhere() -> None:
    draft = _draft(argument_token="s3cret-value")
    assert "s3cret" not in repr(draft)
    assert "abc" not in fault_of(_draft(argument_token="abc"), "argument-token")
    assert [field.id for field in fields_of(DEPLOY) if field.is_secret] == ["argument-token"]


@given(st.dictionaries(st.sampled_from([field.id for field in fields_of(DEPLOY)]), st.text(max_size=30)))
def test_a_form_without_a_fault_is_a_request_and_one_with_a_fault_is_none(texts: dict[str, str]) -> None:
    draft = Draft(DEPLOY, texts)
    faults = [fault for field in fields_of(DEPLOY) if (fault := fault_of(draft, field.id))]
    made: Any = None
    with contextlib.suppress(NagareError):
        made = request_of(draft)
    assert (made is not None) == (not faults)


def test_a_kind_of_a_newer_server_takes_any_text() -> None:
    assert parameter_of(ParameterView("x", "colour", "")).kind is Kind.STRING
