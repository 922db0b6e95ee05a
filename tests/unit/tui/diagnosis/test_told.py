"""An answer as lines: states with words, what was struck out, whether a model was used; foreign text stays harmless."""

import msgspec

from nagare.tui.diagnosis.rows import DIAGNOSIS_COLUMNS, EVIDENCE_COLUMNS, diagnosis_row, evidence_rows
from nagare.tui.diagnosis.running import Failed, Running
from nagare.tui.diagnosis.told import Line, answer_lines, failed_lines, running_lines
from nagare.wire.diagnosis import DiagnosisBrief, DiagnosisView, RatingView, StageLine, WordsLine
from tests.tui.diagnosis import WITH_MODEL, diagnosis_of, evidence_of, finding_of
from tests.tui.jobs import MADE_MS

BAD = "\x1b[2J\u202ename"


def _lines(view: DiagnosisView) -> list[Line]:
    return list(answer_lines(view, MADE_MS, None))


def _text(view: DiagnosisView) -> str:
    return "\n".join(f"{line.label} {line.text}" for line in _lines(view))


def test_the_summary_comes_first_and_what_was_struck_out_is_struck() -> None:
    lines = _lines(diagnosis_of())
    assert (lines[0].state, lines[0].text[:8]) == ("crit", "CRITICAL")
    assert [line.text for line in lines if line.look == "struck"] == ["the deploy of 4.2 filled the disk"]
    assert Line("model", "no model was used") in lines


def test_a_model_is_named_with_its_cost() -> None:
    assert "gemini-2.5-flash: 2345 + 432 tokens, 0.0123 US dollars, 8.2 s" in _text(diagnosis_of(usage=WITH_MODEL))
    assert "no model was used" not in _text(diagnosis_of(usage=WITH_MODEL, notes=[]))


def test_an_old_answer_says_how_old() -> None:
    assert "as things were 2h13m ago; D asks anew" in _text(diagnosis_of(seconds=8000))
    assert "as things were" not in _text(diagnosis_of())


def test_inconclusive_and_ok_are_said() -> None:
    none = diagnosis_of(findings=[], is_inconclusive=True, verdict="WARNING")
    assert "inconclusive: something is wrong" in _text(none)
    fine = diagnosis_of(findings=[], verdict="OK", struck=[])
    assert "no finding" in _text(fine)
    assert _lines(fine)[0].state == "ok"


def test_a_question_and_a_rating_are_told() -> None:
    rating = RatingView("down", "it was the deploy", "bob", "2025-10-09T08:00:00Z")
    told = _text(diagnosis_of(question="was it the deploy?", answer="", rating=rating))
    assert "asked was it the deploy?\nanswer the evidence does not tell" in told
    assert "rated it did not help, said bob: it was the deploy" in told


def test_foreign_text_is_harmless() -> None:
    bad = finding_of(title=BAD, host=BAD, next_check=BAD, steps=[BAD])
    view = diagnosis_of(
        summary=BAD, findings=[bad], notes=[BAD], evidence=[evidence_of("E1", text=BAD, host=BAD)], asked_by=BAD
    )
    assert not set(_text(view)) & set("\x1b\u202e")
    row = evidence_rows(view, MADE_MS, None)["E1"]
    assert not set("".join(str(cell) for cell in row.values())) & set("\x1b\u202e")


def test_rows_have_every_column() -> None:
    brief = DiagnosisBrief("d1", "2025-10-09T08:51:20Z", "dora", "", "", "UNKNOWN", "nothing is known", rating="up")
    for cells in (diagnosis_row(brief, MADE_MS), diagnosis_row(Running("web-1", MADE_MS - 3000), MADE_MS)):
        assert set(cells) == {column.key for column in DIAGNOSIS_COLUMNS}
    assert diagnosis_row(brief, MADE_MS)["about"] == "the fleet"
    assert diagnosis_row(msgspec.structs.replace(brief, alert="a" * 32), MADE_MS)["about"] == "alert aaaaaaaa"
    rows = evidence_rows(diagnosis_of(), MADE_MS, None)
    assert all(set(cells) == {column.key for column in EVIDENCE_COLUMNS} for cells in rows.values())
    assert [cells["cited"] for cells in rows.values()] == ["1+", "1+", "1-", "2+", "", ""]


def test_what_is_being_made_shows_its_stages_and_unverified_words() -> None:
    running = Running("web-1", MADE_MS - 3000, by_model=True)
    assert running.words_of_stage() == "asking the server"
    for line in (
        StageLine("evidence", 26, 26),
        StageLine("model", text="small-1"),
        WordsLine("metrics", '{"title": "full'),
    ):
        running.take(line)
    told = [(line.state, line.text) for line in running_lines(running, MADE_MS)]
    assert ("started", "looking into web-1, 3 s; Esc cancels") in told
    assert ("done", "evidence: 26 of 26 questions answered") in told
    assert ("started", "model small-1") in told
    assert ("off", "every cited query is asked once more") in told
    assert ("", "full") in told
    assert any("not verified yet" in text for _, text in told)


def test_what_writes_without_end_is_bounded() -> None:
    running = Running("web-1", MADE_MS)
    for number in range(50):
        running.take(WordsLine(f"asker-{number}", "x" * 20_000))
    assert len(running.written) == 12
    assert all(len(text) == 8000 for text in running.written.values())


def test_failures_say_why_and_the_way_out() -> None:
    lines = list(failed_lines(Failed("web-1", "cannot ask a model: none is configured", "set diagnosis.provider")))
    assert lines[0].text == "no answer about web-1: cannot ask a model: none is configured"
    assert lines[1].text == "set diagnosis.provider"
    assert next(failed_lines(Failed("web-1", "", is_cancelled=True))).state == "cancelled"
