"""The window of an alert: from before it began while it is young, its beginning later, and never longer than is lawful."""

from nagare.diagnosis.evidence.window import ALERT_BEFORE_MS, Window, window_of_alert

NOW_MS, HOUR_MS, DAY_MS = 1_800_000_000_000, 3_600_000, 86_400_000
ASKED = Window(NOW_MS - HOUR_MS, NOW_MS)


def test_a_young_alert_is_looked_at_from_before_it_began() -> None:
    began = NOW_MS - 5 * HOUR_MS
    assert window_of_alert(began, ASKED) == Window(began - ALERT_BEFORE_MS, NOW_MS)
    assert window_of_alert(NOW_MS, ASKED) == ASKED


def test_an_old_alert_is_looked_at_as_it_began() -> None:
    began = NOW_MS - 3 * DAY_MS
    assert window_of_alert(began, ASKED) == Window(began - ALERT_BEFORE_MS, began + HOUR_MS)
    month = Window(NOW_MS - 31 * DAY_MS, NOW_MS)
    assert window_of_alert(began, month) == Window(began - ALERT_BEFORE_MS, NOW_MS)


def test_a_very_old_alert_opens_no_longer_window_than_was_asked_for() -> None:
    assert window_of_alert(NOW_MS - 180 * DAY_MS, ASKED) == ASKED
