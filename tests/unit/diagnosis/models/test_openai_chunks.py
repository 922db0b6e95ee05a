"""Answers of chat completions as OpenAI and local servers stream them."""

from nagare.diagnosis.models.json_text import Json
from nagare.diagnosis.models.openai.chunks import Chunks
from nagare.diagnosis.models.provider import End, Reply, Tokens, ToolCall, hear_nothing


def reply_to(*deltas: dict[str, Json], reason: str = "stop") -> Reply:
    chunks = Chunks(hear_nothing)
    for delta in deltas:
        chunks.take({"choices": [{"delta": delta}]})
    ends = [chunks.is_ended]
    chunks.take({"choices": [{"delta": {}, "finish_reason": reason}]})
    assert [*ends, chunks.is_ended] == [False, True]
    return chunks.reply("m", Tokens())


def call(id_: str, arguments: Json, index: int = 0, name: str = "look") -> dict[str, Json]:
    told: dict[str, Json] = {"index": index, "id": id_, "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [told]}


def test_a_call_comes_in_pieces() -> None:
    rest: dict[str, Json] = {"tool_calls": [{"index": 0, "function": {"arguments": '"cpu"}'}}]}
    assert reply_to(call("c1", '{"metric": '), rest).calls == (ToolCall("c1", "look", {"metric": "cpu"}),)


def test_calls_that_are_all_counted_as_the_first_are_several() -> None:
    calls = reply_to(call("a", "{}"), call("b", '{"x": 1}')).calls
    assert calls == (ToolCall("a", "look", {}), ToolCall("b", "look", {"x": 1}))


def test_arguments_may_be_an_object_and_ids_may_be_missing() -> None:
    assert reply_to(call("", {"metric": "cpu"})).calls == (ToolCall("call-1", "look", {"metric": "cpu"}),)
    assert reply_to(call("", None)).calls == (ToolCall("call-1", "look", {}),)


def test_arguments_that_are_no_object_are_none() -> None:
    assert [reply_to(call("a", text)).calls[0].arguments for text in ("[1]", "{", "NaN")] == [None, None, None]


def test_more_calls_than_anybody_needs_are_left_out() -> None:
    assert len(reply_to(*(call(f"c{index}", "{}", index) for index in range(100))).calls) == 32


def test_a_refusal_is_a_block() -> None:
    reply = reply_to({"refusal": "I may "}, {"refusal": "not."})
    assert (reply.end, reply.why) == (End.BLOCKED, "I may not.")


def test_chunks_of_a_strange_shape_say_nothing() -> None:
    strange: list[dict[str, Json]] = [
        {"choices": None}, {"choices": [7]}, {"choices": [{"delta": {"content": 7, "tool_calls": [None, {"function": 3}]}}]}, {},
    ]  # fmt: skip
    chunks = Chunks(hear_nothing)
    for chunk in strange:
        chunks.take(chunk)
    assert chunks.reply("m", Tokens(1, 2)) == Reply("", (), Tokens(1, 2), End.STOP, "", "m")
