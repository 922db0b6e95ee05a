"""Whether a model does what diagnoses need of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nagare.config.diagnosis import DiagnosisSettings
from nagare.diagnosis.models.trial import try_model
from nagare.lib.clock import SystemClock
from tests.support.model_reasoning import MemoryLog
from tests.support.model_server import KEY, MODEL, Act, ModelServer, model_server, says, says_json


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        yield server


def settings(server: ModelServer, folder: Path) -> DiagnosisSettings:
    (folder / "key").write_text(KEY)
    return DiagnosisSettings(
        provider="openai", model=MODEL, endpoint=server.endpoint("openai"), secret_file=folder / "key"
    )


@pytest.mark.parametrize(
    ("acts", "found"),
    [
        ([Act(calls=[("look", {"host": "web1"})]), says_json({"works": True})], (True, True)),
        ([says("I cannot."), says("<think>hm</think> yes")], (False, False)),
    ],
)
async def test_a_model_is_tried(server: ModelServer, tmp_path: Path, acts: list[Act], found: tuple[bool, bool]) -> None:
    server.acts.extend(acts)
    made = await try_model(settings(server, tmp_path), log := MemoryLog(), SystemClock())
    assert (made.calls_tools, made.keeps_form, made.tokens) == (*found, 240)
    assert [exchange.asker for exchange in log.exchanges] == ["check", "check"]


async def test_why_it_does_not_answer_is_told(server: ModelServer, tmp_path: Path) -> None:
    server.acts.append(Act(status=404, message="no such model"))
    made = await try_model(settings(server, tmp_path), MemoryLog(), SystemClock())
    assert "no such model" in made.fault
    assert not made.calls_tools
    assert "none is configured" in (await try_model(DiagnosisSettings(), MemoryLog(), SystemClock())).fault
