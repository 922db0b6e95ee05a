"""A silence that is being written: what it begins with matches what it was begun for, and what is wrong is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.model.alert.matcher import Matcher, all_match, parse_matchers
from nagare.tui.alerts.silence_draft import SilenceDraft, choices_of, matching, request_of
from tests.tui.alerts import alert_of

_HOST = Matcher("host", "=", "web-1")
_VALUES = st.text(min_size=1, max_size=20)


@given(st.lists(_VALUES, min_size=1, max_size=6), _VALUES)
def test_every_matcher_that_is_offered_is_true_of_all_its_alerts(hosts: list[str], mount: str) -> None:
    alerts = [alert_of("DiskFull", host, labels={"mount": mount}) for host in hosts]
    choices = choices_of(alerts)
    assert {choice.matcher.name for choice in choices} == {"alertname", "host", "mount"}
    assert [choice.matcher.name for choice in choices if choice.is_on] == ["alertname", "host"]
    # As the server reads them.
    read = parse_matchers(str(choice.matcher) for choice in choices)
    assert all(all_match(read, alert.labels) for alert in alerts)


def test_labels_that_only_some_have_or_that_differ_too_much_are_not_offered() -> None:
    alerts = [alert_of("A", f"web-{index}", labels={"team": "x"} if index else {}) for index in range(20)]
    assert [str(choice.matcher) for choice in choices_of(alerts)] == ["alertname=A"]
    assert [str(choice.matcher) for choice in choices_of(alerts[1:3])] == ["alertname=A", "host=~web-1|web-2", "team=x"]
    assert choices_of([]) == ()


def test_it_counts_what_it_would_match() -> None:
    alerts = [alert_of("A", "web-1"), alert_of("B", "web-1"), alert_of("A", "db-1")]
    assert [alert.name for alert in matching(SilenceDraft((_HOST,)), alerts)] == ["A", "B"]
    assert [alert.name for alert in matching(SilenceDraft((_HOST,), "alertname=~B|C"), alerts)] == ["B"]


def test_a_whole_one_is_a_request() -> None:
    request = request_of(SilenceDraft((_HOST,), "mount='/a b'", "90m", " moving ", "30m"))
    assert (request.matchers, request.reason, request.lasts_seconds, request.idle_seconds) == (
        ["host=web-1", "mount=/a b"], "moving", 5400.0, 1800.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("draft", "cause"),
    [
        (SilenceDraft(reason="x"), "no matcher is given"),
        (SilenceDraft((_HOST,)), "say why"),
        (SilenceDraft((_HOST,), "what", reason="x"), "no name, sign and value"),
        (SilenceDraft((_HOST,), "a='", reason="x"), "a quote is not closed"),
        (SilenceDraft((_HOST,), lasts="soon", reason="x"), "soon"),
        (SilenceDraft((_HOST,), reason="x", idle="5s"), "a minute at the least"),
    ],
)
def test_what_is_wrong_is_said(draft: SilenceDraft, cause: str) -> None:
    with pytest.raises(InputError) as caught:
        request_of(draft)
    assert cause in caught.value.message
