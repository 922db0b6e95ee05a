"""Investigators side by side and one who weighs, one alone, and what is left when a model fails: the findings of the rules."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nagare.diagnosis.investigators.reasoner import NOTHING_WRONG
from nagare.diagnosis.models.exchange import Outcome
from nagare.diagnosis.offline import OfflineReasoner
from nagare.metrics.store import MetricStore
from tests.support.model_reasoning import MemoryLog, hypothesis, reasoner_of
from tests.support.model_server import Act, Heard, ModelServer, model_server, says, says_json
from tests.support.troubled_hosts import HOST, case_of, troubled_store

ANSWER = {"hypotheses": [hypothesis(confidence=0.51)], "answer": ""}


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        server.script = look_and_answer
        yield server


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MetricStore]:
    async with troubled_store(tmp_path / "data", {900: "deploy of app 7 began"}) as store:
        yield store


def look_and_answer(heard: Heard) -> Act:
    """Look at one thing, then say what the rules said."""
    if heard.tools and "Now answer" not in heard.text and len(heard.raw["messages"]) == 2:
        return Act(calls=[(heard.tools[0], {"host": HOST})])
    return says_json(ANSWER) if heard.schema else says("I have seen enough.")


async def test_investigators_look_side_by_side_and_one_weighs(
    server: ModelServer, store: MetricStore, tmp_path: Path
) -> None:
    log = MemoryLog()
    made = await reasoner_of(server, "openai", tmp_path, log).reason(await case_of(store))
    # Each asks, is told, says that it has seen enough and answers; the last one weighs.
    askers = [exchange.asker for exchange in log.exchanges]
    assert sorted(set(askers)) == ["changes", "coordinator", "logs", "metrics", "topology"]
    assert askers.count("metrics") == 3
    assert askers[-1] == "coordinator"
    assert {exchange.outcome for exchange in log.exchanges} == {Outcome.ANSWERED}
    offered = {tool for heard in server.heard for tool in heard.tools}
    assert {"cpu", "events", "units"} <= offered
    # What the caller does not see is not offered.
    assert not offered & {"alerts", "commands", "gaps"}
    # The rules were surer than the model: the mean of both.
    assert (made.findings[0].cause, made.findings[0].confidence) == ("disk.full", 0.72)
    assert made.usage is not None
    assert made.usage.prompt_tokens == 100 * len(log.exchanges)
    assert made.notes[0].startswith("model small-1 was asked: ")


async def test_one_alone_has_all_tools_and_nobody_weighs(
    server: ModelServer, store: MetricStore, tmp_path: Path
) -> None:
    log = MemoryLog()
    made = await reasoner_of(server, "openai", tmp_path, log, investigators="one").reason(await case_of(store))
    assert [exchange.asker for exchange in log.exchanges] == ["investigator"] * 3
    assert {"cpu", "events", "units"} <= set(server.heard[0].tools)
    assert made.findings[0].confidence == 0.72


async def test_what_a_tool_tells_is_evidence_that_may_be_cited(
    server: ModelServer, store: MetricStore, tmp_path: Path
) -> None:
    claim = hypothesis(
        cause="other",
        title="a deploy began before /var filled",
        evidence_for=["E3"],
        figures=[],
        began_with="E3",
        led_to=["E2"],
        confidence=0.99,
    )

    def script(heard: Heard) -> Act:
        if heard.schema:
            return says_json({"hypotheses": [claim], "answer": "The deploy began first [E3]."})
        return Act(calls=[("events", {"host": HOST})]) if len(heard.raw["messages"]) == 2 else says("enough")

    server.script = script
    case = await case_of(store, question="was it the deploy?")
    made = await reasoner_of(server, "openai", tmp_path, MemoryLog(), investigators="one").reason(case)
    piece = next(piece for piece in case.ledger.evidence if piece.id == "E3")
    assert "deploy of app 7" in piece.text
    assert made.struck == ()
    assert (made.findings[0].title, made.findings[0].evidence_for) == ("a deploy began before /var filled", ("E3",))
    assert made.answer == "The deploy began first [E3]."
    assert "was it the deploy?" in server.heard[0].text


@pytest.mark.parametrize(
    ("act", "note"),
    [
        (Act(status=401), "refuses the key"),
        (Act(status=404, message="no such model"), "no such model"),
        (says("", end="blocked"), "gave no answer in the form"),
        (says("I would rather talk."), "gave no answer in the form"),
    ],
)
async def test_whatever_fails_the_rules_have_answered(
    server: ModelServer, store: MetricStore, tmp_path: Path, act: Act, note: str
) -> None:
    server.script = lambda _heard: act
    floor = await OfflineReasoner().reason(await case_of(store))
    made = await reasoner_of(server, "openai", tmp_path, MemoryLog()).reason(await case_of(store))
    assert made.findings == floor.findings
    assert any(note in told for told in made.notes)


async def test_nobody_there_leaves_the_rules_and_a_note(
    server: ModelServer, store: MetricStore, tmp_path: Path
) -> None:
    made = await reasoner_of(
        server, "openai", tmp_path, MemoryLog(), endpoint="http://127.0.0.1:1/v1", total_seconds=0.3
    ).reason(await case_of(store))
    assert made.findings[0].cause == "disk.full"
    assert any("did not come to an end" in told for told in made.notes)


async def test_who_weighs_may_fail_and_what_was_found_stands(
    server: ModelServer, store: MetricStore, tmp_path: Path
) -> None:
    server.script = lambda heard: (
        Act(status=404, message="gone") if "Investigators looked" in heard.system else look_and_answer(heard)
    )
    made = await reasoner_of(server, "openai", tmp_path, MemoryLog()).reason(await case_of(store))
    assert made.findings[0].confidence == 0.72
    assert any("nobody weighed" in told for told in made.notes)


async def test_where_nothing_is_wrong_nothing_leaves(server: ModelServer, store: MetricStore, tmp_path: Path) -> None:
    made = await reasoner_of(server, "openai", tmp_path, MemoryLog()).reason(await case_of(store, host="web1"))
    assert (made.findings, made.usage, made.notes[0]) == ((), None, NOTHING_WRONG)
    assert server.heard == []


async def test_what_is_previewed_is_what_leaves_first(server: ModelServer, store: MetricStore, tmp_path: Path) -> None:
    reasoner = reasoner_of(server, "openai", tmp_path, log := MemoryLog())
    previews = dict(await reasoner.preview(await case_of(store)))
    assert server.heard == []
    await reasoner.reason(await case_of(store))
    sent: dict[str, str] = {}
    for exchange in log.exchanges:
        sent.setdefault(exchange.asker, exchange.prompt)
    sent.pop("coordinator")
    assert {name: _unmarked(text) for name, text in previews.items()} == {
        name: _unmarked(text) for name, text in sent.items()
    }


def _unmarked(text: str) -> str:
    # The marks are drawn anew each time.
    return re.sub("data-[0-9a-f]{16}", "data", text)


async def test_a_model_that_is_late_leaves_what_the_rules_found(
    server: ModelServer, store: MetricStore, tmp_path: Path
) -> None:
    # So far below zero that it is given up before it can end by itself.
    made = await reasoner_of(server, "openai", tmp_path, MemoryLog(), total_seconds=-60.0).reason(await case_of(store))
    assert made.findings[0].cause == "disk.full"
    assert made.usage is not None
    assert made.notes[1].startswith("the model was not done in time")
