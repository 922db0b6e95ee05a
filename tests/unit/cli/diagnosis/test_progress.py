"""How far a diagnosis is, in one line: stages, and the end of what is being written."""

from nagare.cli.diagnosis.progress import told
from nagare.wire.diagnosis import StageLine, WordsLine


def test_a_line_says_the_stage_or_what_is_being_written() -> None:
    written: dict[str, str] = {}
    assert told(StageLine("evidence", 9, 26), written) == "evidence: 9 of 26 questions answered …"
    assert told(WordsLine("metrics", '{"hypotheses": [{"title": "the di'), written) == "metrics writes: the di"
    assert told(WordsLine("metrics", 'sk", "host"'), written) == "metrics writes: the disk"
    assert told(WordsLine("logs", "x" * 20_000), written).endswith("xxx")
    assert len(written["logs"]) == 8_000
