"""Diagnoses with a model over HTTP: asked for in so many words, kept in the log, and forgotten; conversations go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from nagare.client.client import Client
from nagare.client.diagnoses import DiagnosisCalls
from nagare.client.target import Target
from nagare.config.diagnosis import DiagnosisSettings
from nagare.wire.diagnosis import DiagnoseRequest, WordsLine
from tests.component.server.conftest import Api, Serve
from tests.component.server.test_diagnoses import login, tell
from tests.support.model_reasoning import hypothesis
from tests.support.model_server import KEY, MODEL, Act, Heard, ModelServer, model_server, says, says_json

CLAIM = hypothesis(
    evidence_for=["E1"],
    figures=[{"evidence": "E1", "name": "used_ratio", "value": 0.99}],
    began_with="",
    confidence=0.9,
)


def agrees(heard: Heard) -> Act:
    """Say what the rules said, and answer what was asked."""
    if not heard.schema:
        return says("I have seen enough.")
    answer = "It is 99 % full [E1]." if "Asked in words" in heard.text else ""
    return says_json({"hypotheses": [CLAIM], "answer": answer})


@pytest.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        server.script = agrees
        yield server


@pytest.fixture
async def api(serve: Serve, tmp_path: Path, models: ModelServer) -> AsyncIterator[Api]:
    (tmp_path / "key").write_text(KEY)
    chosen = DiagnosisSettings(
        provider="openai", model=MODEL, endpoint=models.endpoint("openai"), secret_file=tmp_path / "key",
        investigators="one", prompt_price=1.0, answer_price=2.0,
    )  # fmt: skip
    async with serve(sections={"diagnosis": chosen}) as api:
        await tell(api, "db1", 0.99)
        yield api


async def test_nothing_leaves_unless_it_is_asked_for(api: Api, models: ModelServer) -> None:
    made = (await api.call("POST", "/api/v1/diagnose", {"host": "db1"})).json
    assert (made["usage"], models.heard) == (None, [])
    shown = (await api.call("POST", "/api/v1/diagnose/preview", {"host": "db1"})).json
    assert (shown["model"], shown["endpoint"]) == (MODEL, models.endpoint("openai"))
    assert [prompt["asker"] for prompt in shown["prompts"]] == ["investigator"]
    assert "file system /var" in shown["prompts"][0]["text"]
    assert models.heard == []


async def test_a_model_agrees_and_all_of_it_is_in_the_log(api: Api, models: ModelServer) -> None:
    made = (await api.call("POST", "/api/v1/diagnose", {"host": "db1", "model": True})).json
    assert made["findings"][0]["cause"] == "disk.full"
    assert (made["usage"]["model"], made["usage"]["prompt_tokens"]) == (MODEL, 200)
    assert made["struck"] == []
    # What people wrote down can be asked for, by who may read it.
    assert "passages" in models.heard[0].tools
    listed = (await api.call("GET", f"/api/v1/models/log?diagnosis={made['id']}&limit=1")).json
    assert len(listed["exchanges"]) == 1
    rest = (await api.call("GET", f"/api/v1/models/log?diagnosis={made['id']}&page={listed['next']}")).json
    last, first = listed["exchanges"][0], rest["exchanges"][0]
    assert (first["outcome"], first["prompt"], first["cost"]) == ("answered", "", pytest.approx(0.00014))
    assert first["verdict"] == "1 finding stands, 0 struck out"
    whole = (await api.call("GET", f"/api/v1/models/log/{last['id']}")).json
    assert "file system /var" in whole["prompt"]
    assert '"disk.full"' in whole["answer"]
    assert KEY not in str(whole)


async def test_who_hangs_up_ends_the_work_and_the_model_hears_it(api: Api, models: ModelServer) -> None:
    models.acts.append(Act(pieces=['{"hypotheses": [{"title": "the disk'], trouble="hang"))
    async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        request = DiagnoseRequest("db1", model=True)
        async with asyncio.timeout(60), aclosing(DiagnosisCalls(client).follow(request)) as lines:
            async for line in lines:
                if isinstance(line, WordsLine):
                    assert "the disk" in line.text
                    break
        async with asyncio.timeout(60):
            await models.left.wait()
    deeds: list[list[Any]] = []
    for _ in range(3000):
        deeds = await api.sql("SELECT detail FROM audit WHERE action = 'diagnose.run' AND outcome = 'done'")
        if deeds:
            break
        await asyncio.sleep(0.02)
    assert deeds == [["who asked went before it was done"]]
    assert (await api.call("GET", "/api/v1/diagnoses")).json["diagnoses"] == []


async def test_a_conversation_goes_on(api: Api, models: ModelServer) -> None:
    first = (await api.call("POST", "/api/v1/diagnose", {"host": "db1", "question": "how full is it?"})).json
    assert (first["answer"], first["conversation"]) == ("It is 99 % full [E1].", first["id"])
    models.heard.clear()
    asked = {"after": first["id"], "question": "and since when?"}
    second = (await api.call("POST", "/api/v1/diagnose", asked)).json
    assert (second["host"], second["previous"], second["conversation"]) == ("db1", first["id"], first["id"])
    assert '"question": "how full is it?", "answer": "It is 99 % full."' in models.heard[0].text
    assert "and since when?" in models.heard[0].text


async def test_what_was_said_is_read_and_forgotten_by_permission(api: Api) -> None:
    made = (await api.call("POST", "/api/v1/diagnose", {"host": "db1", "model": True})).json
    token = await login(api, "operator", None)
    for method, path in (("GET", "/api/v1/models/log"), ("DELETE", f"/api/v1/diagnoses/{made['id']}/log")):
        assert (await api.call(method, path, token=token)).code == "permission-denied"
    ids = [one["id"] for one in (await api.call("GET", "/api/v1/models/log")).json["exchanges"]]
    assert (await api.call("DELETE", f"/api/v1/models/log/{ids[0]}")).status == 204
    assert (await api.call("GET", f"/api/v1/models/log/{ids[0]}")).code == "not-found"
    assert (await api.call("DELETE", f"/api/v1/diagnoses/{made['id']}/log")).json == {"count": len(ids) - 1}
    deeds = await api.sql("SELECT action FROM audit WHERE action LIKE 'models.%' AND outcome = 'done' ORDER BY seq")
    assert [deed for (deed,) in deeds] == ["models.forget", "models.forget_all"]


async def test_a_model_is_tried(api: Api, models: ModelServer) -> None:
    models.acts.extend([Act(calls=[("look", {"host": "web1"})]), says_json({"works": True})])
    made = (await api.call("POST", "/api/v1/models/check")).json
    assert (made["calls_tools"], made["keeps_form"], made["fault"]) == (True, True, "")
    models.acts.append(Act(status=401))
    assert "refuses the key" in (await api.call("POST", "/api/v1/models/check")).json["fault"]


async def test_without_a_model_none_can_be_asked(serve: Serve) -> None:
    async with serve() as api:
        answer = await api.call("POST", "/api/v1/diagnose", {"model": True})
        assert (answer.status, answer.code) == (400, "input-invalid")
        # What one would be told is shown all the same.
        assert (await api.call("POST", "/api/v1/diagnose/preview")).json["model"] == ""
        assert "none is configured" in (await api.call("POST", "/api/v1/models/check")).json["fault"]
