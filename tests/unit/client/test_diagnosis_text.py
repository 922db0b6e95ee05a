"""Diagnoses as text that leaves: what models write is readable while it comes, and evidence names its query."""

import pytest

from nagare.client.diagnosis_text import evidence_text, markdown_lines, readable, stage_text
from nagare.wire.diagnosis import StageLine
from tests.tui.diagnosis import diagnosis_of, evidence_of


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", ""),
        ("I look at the disk first.", "I look at the disk first."),
        ('{"hypotheses": [{"cause": "disk.full", "title": "/var is fu', "/var is fu"),
        ('{"hypotheses": [{"title": "it is \\"full\\""}], "answer": "see [E1]\\', 'it is "full" · see [E1]'),
        ('{"hypotheses": [', ""),
        ("\x1b[31mred", "␛[31mred"),
    ],
)
def test_what_is_being_written_is_read_as_prose(written: str, told: str) -> None:
    assert readable(written) == told


def test_the_end_of_a_long_text_is_what_is_new() -> None:
    assert readable("a" * 5000 + "end") == "…" + "a" * 596 + "end"


def test_a_stage_says_how_far_it_is() -> None:
    assert stage_text(StageLine("evidence", 9, 26)) == "evidence: 9 of 26 questions answered"
    assert stage_text(StageLine("model", text="small-1")) == "model small-1"
    assert stage_text(StageLine("of a newer server")) == "of a newer server"


def test_evidence_is_copied_with_its_query() -> None:
    text = evidence_text(evidence_of("E1"))
    assert text.startswith("E1 file system /var: full 61.0% → 99.1% [web-1]\nfrom 20")
    assert "query SELECT max(used_ratio)" in text
    assert "with host='web-1' mount='/var'" in text
    assert "query" not in evidence_text(evidence_of("E6", "passage", sql="", params={}, place="disk.md: Room"))


def test_markdown_strikes_out_what_did_not_hold() -> None:
    lines = list(markdown_lines(diagnosis_of()))
    assert lines[0].startswith("# CRITICAL: web-1: file system /var is full")
    assert "- ~~the deploy of 4.2 filled the disk~~ it began 240 s after E1, which it is said to have caused" in lines
    assert "- Proposed, not run: `nagare run web-1 -- service.restart unit=rsyslog.service`" in lines
