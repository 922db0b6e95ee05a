"""The verifier: what does not hold is struck out, and said. Each test fails when its guard is taken away."""

from collections.abc import Sequence
from dataclasses import replace

from nagare.diagnosis.evidence.asking import Asker
from nagare.diagnosis.verify import SLACK_MS, verify
from nagare.errors import OverloadedError, QuerySyntaxError
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind, Figure
from nagare.model.diagnosis.finding import Hypothesis
from nagare.wire.sql import SqlColumn, SqlReply, SqlRequest

E1 = Evidence(
    "E1", EvidenceKind.METRIC, "web1", "cpu: busy 98%", "SELECT busy", figures=(Figure("recent", 0.98, "ratio"),), began_ms=600_000
)  # fmt: skip
FINDING = Hypothesis(
    "cpu.saturated", "the processors are saturated", "web1", 0.9, evidence_for=("E1",), began_ms=600_000
)


def asker(
    columns: Sequence[str] = ("recent", "began_ms"), rows: Sequence[Sequence[float]] = ((0.98, 600_000),)
) -> Asker:
    """Answers every query so."""

    async def query(request: SqlRequest) -> SqlReply:
        if request.sql == "SELECT nothing":
            raise QuerySyntaxError("cannot run SQL: no")
        return SqlReply([SqlColumn(name, "DOUBLE") for name in columns], [list(row) for row in rows], False, "raw", 0.1)

    return Asker(query)


async def test_what_holds_stands() -> None:
    made = await verify(asker(), [FINDING], [E1])
    assert (made.findings, made.struck) == ((FINDING,), ())


async def test_an_unknown_id_is_struck_out() -> None:
    made = await verify(asker(), [replace(FINDING, evidence_for=("E1", "E9"))], [E1])
    assert "E9" in made.struck[0].claim
    assert made.findings[0].evidence_for == ("E1",)
    assert made.findings[0].confidence == 0.45


async def test_a_number_that_differs_takes_its_finding_along() -> None:
    made = await verify(asker(rows=[(0.31, 600_000)]), [FINDING], [E1])
    assert made.findings == ()
    assert "31.0%, not 98.0%" in made.struck[0].why
    assert "no evidence" in made.struck[1].why


async def test_a_number_that_merely_moved_on_stands() -> None:
    assert (await verify(asker(rows=[(0.97, 605_000)]), [FINDING], [E1])).findings == (FINDING,)


async def test_a_beginning_that_is_made_up_is_struck_out() -> None:
    told = replace(E1, began_ms=600_000 - 2 * SLACK_MS)
    assert (await verify(asker(), [FINDING], [told])).findings == ()


async def test_a_cause_that_began_after_its_effect_is_none() -> None:
    late = replace(FINDING, began_ms=600_000 + SLACK_MS + 1_000)
    made = await verify(asker(), [late], [E1])
    assert made.findings == ()
    assert "began 61 s after E1" in made.struck[0].why


async def test_a_query_that_fails_or_answers_no_row_is_no_evidence() -> None:
    failing = await verify(asker(), [FINDING], [replace(E1, sql="SELECT nothing")])
    empty = await verify(asker(rows=()), [FINDING], [E1])
    assert "its query fails" in failing.struck[0].why
    assert "0 rows" in empty.struck[0].why


async def test_figures_without_a_query_are_no_evidence() -> None:
    made = await verify(asker(), [FINDING], [replace(E1, sql="")])
    assert made.findings == ()


async def test_what_nobody_could_ask_again_stays_and_is_said() -> None:
    async def query(_: SqlRequest) -> SqlReply:
        raise OverloadedError("cannot run query: 66 run or wait already")

    made = await verify(Asker(query), [FINDING], [E1])
    assert (made.findings, made.struck) == ((FINDING,), ())
    assert "E1 could not be checked again" in made.notes[0]
