"""One suite over every provider, against a server on loopback that speaks its wire format."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nagare.diagnosis.models.connection import Connection
from nagare.diagnosis.models.json_text import Json
from nagare.diagnosis.models.provider import (
    Answered,
    Ask,
    End,
    ModelProvider,
    Reply,
    Said,
    Tokens,
    Told,
    Tool,
    ToolCall,
)
from nagare.diagnosis.models.selection import make_provider
from nagare.errors import (
    BodyTooLargeError,
    ConfigError,
    ConnectFailedError,
    LimitExceededError,
    NagareError,
    RateLimitedError,
    UnavailableError,
)
from tests.support.model_server import KEY, MODEL, SIGNATURE, Act, ModelServer, model_server, says, says_json

LOOK = Tool("look", "Looks at a metric.", {"type": "object", "properties": {"metric": {"type": "string"}}})
SCHEMA: dict[str, Json] = {"type": "object", "properties": {"cause": {"type": "string"}}, "required": ["cause"]}
ASK = Ask("You find causes.", (Said("Why is web1 slow?"),))


@pytest.fixture(params=["openai", "gemini"])
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        yield server


def connection(server: ModelServer, wire: str, folder: Path, key: str = KEY) -> Connection:
    (folder / "key").write_text(f"{key}\n")
    return Connection(MODEL, server.endpoint(wire), secret_file=str(folder / "key"))


@pytest.fixture
async def provider(server: ModelServer, wire: str, tmp_path: Path) -> AsyncIterator[ModelProvider]:
    async with make_provider(wire, connection(server, wire, tmp_path)) as provider:
        yield provider


async def test_text_is_heard_as_it_comes(server: ModelServer, provider: ModelProvider) -> None:
    server.acts.append(says("The disk is full — µs"))
    pieces: list[str] = []
    reply = await provider.answer(ASK, pieces.append)
    assert reply == Reply("The disk is full — µs", (), Tokens(100, 20), End.STOP, "", f"{MODEL}-2026")
    assert len(pieces) == 2
    assert "".join(pieces) == reply.text
    (heard,) = server.heard
    assert (heard.system, heard.text) == ("You find causes.", "Why is web1 slow?")
    assert KEY not in str(heard.raw)


async def test_tools_are_offered_called_and_answered(server: ModelServer, provider: ModelProvider, wire: str) -> None:
    server.acts.append(says("", calls=[("look", {"metric": "cpu"}), ("look", {"metric": "disk"})]))
    first = await provider.answer(replace(ASK, tools=(LOOK,)))
    assert server.heard[0].tools == ["look"]
    assert [(call.name, call.arguments) for call in first.calls] == [
        ("look", {"metric": "cpu"}),
        ("look", {"metric": "disk"}),
    ]
    assert len({call.id for call in first.calls}) == 2
    told = Told(tuple((call, f"result of {call.arguments}") for call in first.calls))
    turns = (*ASK.turns, Answered("", first.calls), told)
    await provider.answer(replace(ASK, turns=turns, tools=(LOOK,)))
    again = server.heard[1]
    assert "result of" in again.text
    # The thoughts behind a call go back with it.
    assert (SIGNATURE in str(again.raw)) == (wire == "gemini")


async def test_a_form_is_asked_for_by_its_schema(server: ModelServer, provider: ModelProvider) -> None:
    server.acts.append(says_json({"cause": "disk.full"}))
    reply = await provider.answer(replace(ASK, schema=SCHEMA))
    assert reply.text == '{"cause": "disk.full"}'
    assert server.heard[0].schema == SCHEMA


@pytest.mark.parametrize(("told", "end"), [("length", End.LENGTH), ("blocked", End.BLOCKED)])
async def test_why_an_answer_ended_is_told(server: ModelServer, provider: ModelProvider, told: str, end: End) -> None:
    server.acts.append(says("half an", end=told))
    assert (await provider.answer(ASK)).end is end


async def test_tokens_that_nobody_counted_are_estimated(server: ModelServer, provider: ModelProvider) -> None:
    server.acts.append(says("A short answer.", tokens=None))
    tokens = (await provider.answer(ASK)).tokens
    assert tokens.is_estimate
    assert tokens.prompt >= 11
    assert tokens.answer >= 5


REFUSALS: list[tuple[Act, type[NagareError]]] = [
    (Act(status=429, message="slow down", retry_after="17"), RateLimitedError),
    (Act(status=500, message="oops"), UnavailableError),
    (Act(status=503, message="overloaded", retry_after="17"), UnavailableError),
    (Act(status=404, message="no such model"), ConfigError),
    (Act(status=400, message="that is too long"), ConfigError),
    (Act(status=413, message="that is too long"), LimitExceededError),
    (Act(trouble="redirect"), ConfigError),
    (Act(["a"], trouble="garbage"), UnavailableError),
    (Act(["a"], trouble="fault"), UnavailableError),
    (Act(["a"], trouble="short"), UnavailableError),
    (Act(["a"], trouble="cut"), ConnectFailedError),
]


@pytest.mark.parametrize(
    ("act", "kind"), REFUSALS, ids=lambda one: getattr(one, "trouble", "") or str(getattr(one, "status", ""))
)
async def test_what_goes_wrong_is_told_in_our_errors(
    server: ModelServer, provider: ModelProvider, act: Act, kind: type[NagareError]
) -> None:
    server.acts.append(replace(act, message=f"{act.message} {KEY} \x1b[31m"))
    with pytest.raises(NagareError) as caught:
        await provider.answer(ASK)
    assert type(caught.value) is kind
    assert KEY not in repr(caught.value)
    assert "\x1b" not in caught.value.message
    assert act.message in caught.value.message
    if act.retry_after:
        assert getattr(caught.value, "retry_after_seconds", None) == 17.0
    assert len(server.heard) == 1


async def test_after_a_fault_the_next_question_is_answered(server: ModelServer, provider: ModelProvider) -> None:
    server.acts += [Act(["a"], trouble="cut"), says("fine")]
    with pytest.raises(ConnectFailedError):
        await provider.answer(ASK)
    assert (await provider.answer(ASK)).text == "fine"


async def test_a_wrong_key_is_no_part_of_what_is_told(server: ModelServer, wire: str, tmp_path: Path) -> None:
    wrong = "wr0ng-key-0123456789"
    async with make_provider(wire, connection(server, wire, tmp_path, wrong)) as provider:
        with pytest.raises(ConfigError, match="refuses the key") as caught:
            await provider.answer(ASK)
    chain = [caught.value, caught.value.__cause__]
    assert wrong not in repr([*chain, *(vars(one) for one in chain if one is not None)])


async def test_an_answer_without_end_is_cut(server: ModelServer, wire: str, tmp_path: Path) -> None:
    server.acts.append(Act(["a"], trouble="huge"))
    limited = replace(connection(server, wire, tmp_path), limit_bytes=2**18)
    async with make_provider(wire, limited) as provider:
        with pytest.raises(BodyTooLargeError):
            await provider.answer(ASK)
    await asyncio.wait_for(server.left.wait(), 30)


async def test_who_does_not_wait_any_more_is_not_written_to(server: ModelServer, provider: ModelProvider) -> None:
    server.acts.append(Act(["a"], trouble="hang"))
    task = asyncio.ensure_future(provider.answer(ASK))
    await asyncio.wait_for(server.hanging.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.left.wait(), 30)
    assert (await provider.answer(ASK)).text == "nothing to say"


async def test_nobody_there_is_told(server: ModelServer, wire: str, tmp_path: Path) -> None:
    gone = replace(connection(server, wire, tmp_path), endpoint="http://127.0.0.1:1/v1")
    async with make_provider(wire, gone) as provider:
        with pytest.raises(ConnectFailedError):
            await provider.answer(ASK)


async def test_a_secret_that_cannot_be_read_stops_before_anything_is_asked(
    server: ModelServer, wire: str, tmp_path: Path
) -> None:
    nowhere = Connection(MODEL, server.endpoint(wire), secret_file=str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="cannot read secret file"):
        async with make_provider(wire, nowhere):
            raise AssertionError
    assert server.heard == []


async def test_the_environment_names_no_other_model_key_or_place(
    server: ModelServer, wire: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "another")
    monkeypatch.setenv("GEMINI_API_KEY", "another")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://other.invalid")
    monkeypatch.setenv("HTTP_PROXY", "http://other.invalid:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://other.invalid:3128")
    async with make_provider(wire, connection(server, wire, tmp_path)) as provider:
        assert (await provider.answer(ASK)).text == "nothing to say"


async def test_a_variable_may_hold_the_key(server: ModelServer, wire: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_THE_MODEL", KEY)
    by_variable = Connection(MODEL, server.endpoint(wire), secret_variable="KEY_OF_THE_MODEL")
    async with make_provider(wire, by_variable) as provider:
        assert (await provider.answer(ASK)).text == "nothing to say"


@asynccontextmanager
async def openai(server: ModelServer, folder: Path) -> AsyncIterator[ModelProvider]:
    async with make_provider("openai", connection(server, "openai", folder)) as provider:
        yield provider


@pytest.mark.parametrize("unknown", ["stream_options", "max_tokens", "json_schema", "response_format"])
async def test_what_an_endpoint_does_not_know_is_left_out(server: ModelServer, tmp_path: Path, unknown: str) -> None:
    server.unknown = {unknown}
    async with openai(server, tmp_path) as provider:
        for _ in range(2):
            server.acts.append(says_json({"cause": "x"}))
            assert (await provider.answer(replace(ASK, schema=SCHEMA))).text == '{"cause": "x"}'
    # It is learned once: the second question is asked as it should be.
    assert unknown not in server.heard[-1].raw
    if unknown in ("json_schema", "response_format"):
        assert '"cause"' in server.heard[-1].system


async def test_an_endpoint_that_does_not_stream_is_understood(server: ModelServer, tmp_path: Path) -> None:
    server.acts.append(says("all at once", trouble="whole"))
    async with openai(server, tmp_path) as provider:
        assert (await provider.answer(ASK)).text == "all at once"


async def test_arguments_that_are_no_json_are_told_as_none(server: ModelServer, tmp_path: Path) -> None:
    server.acts.append(Act(calls=[("look", '{"metric": ')]))
    async with openai(server, tmp_path) as provider:
        (call,) = (await provider.answer(replace(ASK, tools=(LOOK,)))).calls
    assert call == ToolCall("c0", "look", None)
