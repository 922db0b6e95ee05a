"""What people rated, held against what the diagnoses were sure of."""

import pytest

from benches.diagnosis.rated import Rated, read, report

LINES = [
    "cause,confidence,rating",
    "disk.full,0.9,up",
    "disk.full,0.8,down",
    "cpu.saturated,0.5,up",
    ",,down",
]


def test_ratings_are_read_and_counted() -> None:
    rated = read(LINES)
    assert rated[1] == Rated("disk.full", 0.8, False)
    assert rated[3] == Rated("", 0.0, False)
    whole, disk, *others = report(rated).splitlines()
    # Of three that told a cause: (1 - 0.9)^2, 0.8^2, (1 - 0.5)^2.
    assert whole.split() == ["all", "4", "rated,", "50%", "helped,", "Brier", "0.300"]
    assert disk.split() == ["disk.full", "2", "rated,", "50%", "helped,", "Brier", "0.325"]
    assert [line.split()[0] for line in others] == ["(none)", "cpu.saturated"]
    assert others[0].endswith("no cause was told")


def test_what_is_no_rating_is_named() -> None:
    with pytest.raises(ValueError, match="line 2: 'sideways'"):
        read(["cause,confidence,rating", "disk.full,0.9,sideways"])
    with pytest.raises(ValueError, match="these columns lack: rating"):
        read(["cause,confidence", "disk.full,0.9"])


def test_nothing_rated_says_how() -> None:
    assert "nothing was rated" in report(read(["cause,confidence,rating"]))
