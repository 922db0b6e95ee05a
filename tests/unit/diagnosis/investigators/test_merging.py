"""What rules found and what a model found, as one list."""

from dataclasses import replace

from nagare.diagnosis.investigators.merging import FINDINGS_MOST, merged
from nagare.model.diagnosis.finding import Hypothesis, ProposedAction

FULL = Hypothesis(
    "disk.full", "/var is full", "db1", 0.9, evidence_for=("E1",), about="file system /var", next_check="look below /var",
    proposal=ProposedAction("disk.largest", {"path": "/var"}, "db1"), steps=("Make room.",), guide="DiskFull",
)  # fmt: skip
CLAIM = Hypothesis(
    "disk.full", "the disk ran full of logs", "db1", 0.5, evidence_for=("E1", "E4"), evidence_against=("E5",)
)


def test_where_both_agree_the_words_of_the_rules_stay() -> None:
    (both,) = merged([FULL], [CLAIM])
    assert both == replace(FULL, confidence=0.7, evidence_for=("E1", "E4"), evidence_against=("E5",))


def test_what_a_model_does_not_name_stays_as_it_was() -> None:
    other = replace(CLAIM, cause="cpu.saturated", confidence=0.95)
    assert merged([FULL], [other]) == (other, FULL)
    assert merged([FULL], []) == (FULL,)


def test_two_of_a_kind_are_two() -> None:
    root = replace(FULL, about="file system /", evidence_for=("E7",))
    claim = replace(CLAIM, about="file system /", evidence_for=("E7",), evidence_against=())
    assert [one.confidence for one in merged([FULL, root], [claim])] == [0.9, 0.7]


def test_what_has_no_name_is_never_the_same() -> None:
    other = replace(CLAIM, cause="other")
    assert len(merged([other], [other])) == 2


def test_a_list_has_an_end() -> None:
    assert len(merged([FULL], [replace(CLAIM, cause="other", title=str(at)) for at in range(50)])) == FINDINGS_MOST
