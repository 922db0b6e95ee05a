from datetime import UTC, datetime, timedelta

import pytest

from nagare.cli.offline.checks.updates import document_checks, rollout_checks
from nagare.cli.offline.checks.verdict import Verdict
from nagare.lib.rfc3339 import format_time
from nagare.wire.rollouts import DocumentView, RolloutView, UpdatesView

NOW = datetime(2026, 11, 25, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)


def published(*, days: float, is_own: bool) -> UpdatesView:
    return UpdatesView("", "", [DocumentView("targets", 3, format_time(NOW + timedelta(days=days)), 1, [], is_own)], [])


@pytest.mark.parametrize(
    ("days", "is_own", "verdict"),
    [
        (15, False, Verdict.OK),
        (13, False, Verdict.WARN),
        (-1, False, Verdict.BAD),
        (1, True, Verdict.OK),
        (-1, True, Verdict.BAD),
    ],
)
def test_documents_that_end_soon(days: float, is_own: bool, verdict: Verdict) -> None:
    [check] = document_checks(published(days=days, is_own=is_own), NOW_MS)
    assert (check.verdict, bool(check.mend)) == (verdict, verdict is not Verdict.OK)


def test_nothing_published_is_nothing_to_say() -> None:
    assert document_checks(UpdatesView("", "", [], []), NOW_MS) == []


def test_a_rollout_that_stopped_is_told_with_its_reason() -> None:
    def view(state: str) -> RolloutView:
        return RolloutView("r1", "0.2.0", state, "web1: silent", 0, [100], ["web1"], 60, 60, "admin", "", "")

    [check] = rollout_checks([view("done"), view("paused"), view("running")])
    assert check.verdict is Verdict.WARN
    assert "web1: silent" in check.seen
