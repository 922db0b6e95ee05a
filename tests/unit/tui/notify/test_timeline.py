"""The timeline of an incident: everything once, in the order in which it happened."""

from nagare.tui.notify.timeline import TIMELINE_COLUMNS, happening_row, happenings_of
from nagare.wire.alerts import AlertDetail, TurnView
from nagare.wire.notify import AttemptView, IncidentDetail, NotificationDetail
from tests.tui.alerts import alert_of
from tests.tui.jobs import MADE_MS
from tests.tui.notify import incident_of, notice_of


def test_turns_notices_and_tries_in_one_order() -> None:
    alert = alert_of("DiskFull", "web-1", seconds=500)
    turns = [
        TurnView(alert.fired_at, "pending", "firing", "", "it held for 1m"),
        TurnView(alert.fired_at, "firing", "firing", "ada", "looking"),
    ]
    dead, unread = notice_of("n1", "dead", seconds=400, tries=2), notice_of("n2", seconds=300)
    tries = [AttemptView(1, dead.made_at, 0.2, "refused"), AttemptView(2, dead.done_at, 0.2, "refused")]
    detail = IncidentDetail(incident_of("inc1", is_open=False, seconds=600), [alert], [dead, unread])
    found = happenings_of(
        detail, {alert.id: AlertDetail(alert, turns)}, {"n1": NotificationDetail(dead, [], [], tries)}
    )
    assert [(one.state, one.about, one.text, one.who) for one in found.values()] == [
        ("info", "alertname=DiskFull", "the incident began", ""),
        ("firing", "DiskFull web-1", "it held for 1m", ""),
        ("info", "DiskFull web-1", "said: looking", "ada"),
        ("queued", "ops/hook", "notice 1 was made: first notification", "ops"),
        ("failed", "ops/hook", "try 1 failed: refused", ""),
        ("failed", "ops/hook", "try 2 failed: refused", ""),
        ("dead", "ops/hook", "given up: it reached nobody", ""),
        ("queued", "ops/hook", "notice 1 was made: first notification", "ops"),
        ("resolved", "alertname=DiskFull", "the incident is over", ""),
    ]
    assert [one.place for one in found.values()] == list(range(9))
    assert {one.alert for one in found.values()} == {"", alert.id}
    row = happening_row(found["begin"], MADE_MS, "12:00:00")
    assert set(row) == {spec.key for spec in TIMELINE_COLUMNS}
    assert (row["at"], row["age"], row["order"]) == ("12:00:00", 600.0, 0.0)
