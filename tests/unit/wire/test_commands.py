import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import BodyTooLargeError, CommandRefusedError, InputError
from nagare.model.command.result import Reason
from nagare.wire.commands import (
    CHUNK_LIMIT_BYTES,
    ENVELOPE_LIMIT_BYTES,
    FRAME_LIMIT_BYTES,
    Dispatch,
    OutputChunk,
    Secret,
    decode_from_agent,
    decode_to_agent,
    encode_frame,
    envelope_text,
    read_envelope,
)
from tests.support.commands import envelope_of
from tests.unit.model.command.actions import action

ENVELOPE = envelope_of(action(), {"unit": "nginx.service"})
TEXT = envelope_text(ENVELOPE)


def _changed(**changes: Any) -> str:
    table = {**json.loads(TEXT), **changes}
    return json.dumps(table, sort_keys=True, separators=(",", ":"))


def test_an_envelope_has_one_text() -> None:
    assert read_envelope(TEXT) == ENVELOPE
    assert envelope_text(read_envelope(TEXT)) == TEXT


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.MALFORMED),
        ("[]", Reason.MALFORMED),
        ("{}", Reason.UNKNOWN_VERSION),
        (TEXT[:-1], Reason.MALFORMED),
        (TEXT + " ", Reason.NOT_CANONICAL),
        (TEXT.replace('"v":1', '"v":1,"v":1'), Reason.NOT_CANONICAL),
        (TEXT.replace(":", ": ", 1), Reason.NOT_CANONICAL),
        (_changed(sudo=True), Reason.NOT_CANONICAL),
        (_changed(v=2), Reason.UNKNOWN_VERSION),
        (_changed(v=2, id=7), Reason.UNKNOWN_VERSION),
        (_changed(id="../../etc"), Reason.MALFORMED),
        (_changed(id=json.loads(TEXT)["id"].upper()), Reason.MALFORMED),
        (_changed(nonce=""), Reason.MALFORMED),
        (_changed(action_sha256="0"), Reason.MALFORMED),
        (_changed(expires_ms=-1), Reason.MALFORMED),
        (_changed(expires_ms=2**60), Reason.MALFORMED),
        (_changed(approval="maybe"), Reason.MALFORMED),
        (_changed(arguments={str(n): 1 for n in range(65)}), Reason.MALFORMED),
        (_changed(arguments={"unit": {"a": 1}}), Reason.MALFORMED),
        (_changed(arguments={"unit": 1.5}), Reason.MALFORMED),
        ("x" * (ENVELOPE_LIMIT_BYTES + 1), Reason.TOO_LARGE),
    ],
    # The texts are made anew by each process.
    ids=lambda value: value.value if isinstance(value, Reason) else "text",
)
def test_another_text_is_refused_with_its_reason(text: str, reason: Reason) -> None:
    with pytest.raises(CommandRefusedError) as raised:
        read_envelope(text)
    assert raised.value.reason == reason


@given(st.text(max_size=200) | st.integers(0, len(TEXT) - 1).map(lambda at: TEXT[:at] + "x" + TEXT[at + 1 :]))
def test_any_text_is_an_envelope_or_refused(text: str) -> None:
    try:
        envelope = read_envelope(text)
    except CommandRefusedError:
        return
    assert envelope_text(envelope) == text


def test_a_frame_comes_back_as_it_went() -> None:
    frame = OutputChunk(ENVELOPE.id, "stdout", 7, b"\x00\xff\x1b[0m")
    assert decode_from_agent(encode_frame(frame)) == frame
    sent = Dispatch(TEXT, "0" * 64, "c2ln", {"password": Secret("0" * 32, "hunter2")})
    assert decode_to_agent(encode_frame(sent)) == sent


def test_a_secret_is_not_shown() -> None:
    assert "hunter2" not in repr(Dispatch(TEXT, "0" * 64, "", {"password": Secret("0" * 32, "hunter2")}))


@pytest.mark.parametrize(
    "frame",
    [
        {"op": "output", "id": ENVELOPE.id, "stream": "stdin", "offset": 0, "data": ""},
        {"op": "output", "id": ENVELOPE.id, "stream": "stdout", "offset": -1, "data": ""},
        {"op": "output", "id": ENVELOPE.id, "stream": "stdout", "offset": 0, "data": "%"},
        {
            "op": "output", "id": ENVELOPE.id, "stream": "stdout", "offset": 0,
            "data": base64.b64encode(bytes(CHUNK_LIMIT_BYTES + 1)).decode(),
        },
        {"op": "receipt", "id": "x" * 300, "is_accepted": True},
        {"op": "ended", "id": ENVELOPE.id, "result": {"state": "running", "reason": "exit"}},
        {"op": "dispatch"},
    ],
)  # fmt: skip
def test_a_frame_beyond_its_bounds_is_refused(frame: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        decode_from_agent(json.dumps(frame))


@pytest.mark.parametrize(
    "frame",
    [
        {"op": "credit", "id": ENVELOPE.id, "bytes": 0},
        {"op": "credit", "id": ENVELOPE.id, "bytes": 2**31},
        {"op": "cancel", "id": "1"},
        {"op": "dispatch", "envelope": TEXT, "key": "../x", "signature": ""},
        {
            "op": "dispatch",
            "envelope": TEXT,
            "key": "0" * 64,
            "signature": "",
            "secrets": {"x": {"salt": "", "value": ""}},
        },
        {"op": "run", "argv": ["sh"]},
    ],
    ids=lambda frame: frame["op"],
)
def test_a_frame_to_an_agent_beyond_its_bounds_is_refused(frame: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        decode_to_agent(json.dumps(frame))


def test_a_frame_has_a_length_limit_before_it_is_read() -> None:
    with pytest.raises(BodyTooLargeError):
        decode_to_agent(b" " * (FRAME_LIMIT_BYTES + 1))


def test_the_kept_output_of_a_result_fits_into_a_frame() -> None:
    from nagare.model.command.result import KEPT_BYTES, CommandResult, StreamKept
    from nagare.model.command.states import CommandState
    from nagare.wire.commands import CommandEnded

    kept = StreamKept(bytes(KEPT_BYTES), bytes(KEPT_BYTES), 2**50, 2**49)
    result = CommandResult(CommandState.DONE, Reason.EXIT, "x" * 4096, 0, None, 1, 2, stdout=kept, stderr=kept)
    frame = CommandEnded(ENVELOPE.id, result)
    assert len(encode_frame(frame)) < FRAME_LIMIT_BYTES
    assert msgspec.json.encode(decode_from_agent(encode_frame(frame))) == encode_frame(frame)
