"""A schedule that is being written: each text checked, its next moments, and the request that it makes."""

from datetime import UTC, datetime

import pytest

from nagare.errors import InputError
from nagare.tui.automation.draft import (
    ScheduleDraft,
    fault_of,
    fields_of,
    moments_told,
    next_moments,
    request_of,
    told_of,
)
from tests.tui.automation import KINDS

_NOW_MS = round(datetime(2026, 3, 28, 12, tzinfo=UTC).timestamp() * 1000)


def _draft(**texts: str) -> ScheduleDraft:
    usual = {"name": "nightly", "cron": "30 2 * * *", "kind": "backup"}
    return ScheduleDraft(KINDS, frozenset({"taken"}), {**usual, **texts})


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("name", "taken", "there is one of that name"),
        ("name", "a b", "letters, digits"),
        ("name", "", "letters, digits"),
        ("cron", "61 * * * *", "minute"),
        ("cron", "", "five fields are meant"),
        ("zone", "Europe/Atlantis", "there is no such zone"),
        ("kind", "", "one of backup, command, query, verify"),
        ("kind", "bakup", "did you mean 'backup'?"),
        ("kind", "query", "your roles do not allow it"),
        ("arguments", "keep", "NAME=VALUE is meant"),
        ("arguments", "keep='1", "a quote is not closed"),
        ("arguments", "kep=1", "did you mean 'keep'?"),
        ("missed", "never", "one of skip, run-once, run-all"),
        ("missed_limit", "0", "1 to 1000"),
        ("missed_limit", "1²", "1 to 1000"),
        ("grace", "2d", "a day at the most"),
        ("grace", "soon", "soon"),
        ("overlap", "both", "one of skip, queue"),
        ("enabled", "maybe", "yes or no"),
        ("text", "x" * 1001, "1000 letters"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(field: str, text: str, fault: str) -> None:
    draft = _draft(**{field: text})
    assert fault in fault_of(draft, field)
    # Arguments are those of the kind.
    about = {field, "arguments"} if field == "kind" else {field}
    assert {one.id for one in fields_of(draft) if fault_of(draft, one.id)} <= about
    with pytest.raises(InputError):
        request_of(draft)


def test_what_a_kind_needs_is_missed_until_it_is_given() -> None:
    assert fault_of(_draft(kind="command"), "arguments") == "cannot make tasks without action, targets"
    name, request = request_of(_draft(kind="command", arguments="action=host.uptime targets.all=true why='to see'"))
    assert (name, request.arguments) == (
        "nightly",
        {"action": "host.uptime", "targets": {"all": True}, "why": "to see"},
    )


def test_what_is_left_empty_is_the_usual() -> None:
    _, request = request_of(_draft())
    assert (request.zone, request.missed, request.missed_limit, request.grace_seconds, request.overlap) == (
        "UTC", "skip", 24, 60.0, "skip",
    )  # fmt: skip
    assert request.enabled
    assert request.is_new
    assert not request_of(_draft(enabled="no"))[1].enabled


def test_fields_tell_what_they_take() -> None:
    draft = _draft(kind="command")
    told = {one.id: told_of(draft, one) for one in fields_of(draft)}
    assert told["kind"] == "command: runs an action on hosts"
    assert told["arguments"] == "NAME=VALUE: action (needed), targets (needed), why"
    assert told["missed"] == "moments without a server: skip, run-once, run-all"
    unknown = {one.id: told_of(_draft(kind=""), one) for one in fields_of(_draft(kind=""))}
    assert unknown["kind"] == "one of backup, command, verify"
    assert told_of(_draft(kind="verify"), fields_of(draft)[4]) == "it takes none"


def test_the_next_moments_are_those_of_the_clock_on_the_wall() -> None:
    moments = next_moments(_draft(zone="Europe/Berlin"), _NOW_MS, 2)
    # In that night 02:30 is left out: the next moment that there is stands for it.
    assert moments_told(moments, _NOW_MS) == [
        "Sun 2026-03-29 03:00 CEST, in 13h00m",
        "Mon 2026-03-30 02:30 CEST, in 1d12h",
    ]
    with pytest.raises(InputError, match="it never comes"):
        next_moments(_draft(cron="0 0 30 2 *"), _NOW_MS, 1)
