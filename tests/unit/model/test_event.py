import pytest

from nagare.model.event import Severity


@pytest.mark.parametrize(("word", "number"), [("INFO", 0), ("WARNING", 1), ("HIGH", 2), ("CRITICAL", 3)])
def test_the_words_for_severity_keep_their_numbers(word: str, number: int) -> None:
    assert Severity[word] == number
    assert Severity(number).name == word


def test_worse_is_greater() -> None:
    assert max(Severity) is Severity.CRITICAL
    assert sorted(Severity) == list(Severity)
