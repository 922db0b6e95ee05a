"""What of a number over time is worth a look."""

from nagare.diagnosis.evidence.reading import Reading

BUSY = Reading("busy", "cpu", "busy_ratio", "busy", "ratio", 0.5, 0.9, 1.5)


def test_what_grew_is_worth_a_look_and_what_was_so_the_night_before_is_not() -> None:
    row = {"recent": 0.8, "usual": 0.2}
    assert BUSY.is_bad(row)
    assert BUSY.is_of_the_hour(row | {"yesterday": 0.75})
    assert not BUSY.is_of_the_hour(row | {"yesterday": 0.4})
    assert not BUSY.is_of_the_hour(row | {"yesterday": None})


def test_an_alarm_is_one_every_night() -> None:
    assert not BUSY.is_of_the_hour({"recent": 0.95, "usual": 0.2, "yesterday": 0.95})
