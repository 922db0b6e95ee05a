"""Questions and answers of the domain name system."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.probe.attempt import ProbeError
from nagare.collect.probe.dns import encode_question, find_resolver, parse_answer
from nagare.errors import ConfigError

QUESTION = encode_question("Example.org.")


def answer(flags: int = 0x8180, identity: int = 7, question: bytes = QUESTION, questions: int = 1) -> bytes:
    head = b"".join(part.to_bytes(2, "big") for part in (identity, flags, questions, 1, 0, 0))
    return head + question + b"rest"


def test_question() -> None:
    assert QUESTION == b"\x07Example\x03org\0\0\x01\0\x01"
    assert encode_question("bücher.example")[:14] == b"\x0dxn--bcher-kva"


@pytest.mark.parametrize("name", ["", "a..b", "a" * 64, ".".join(["a" * 60] * 5), "."])
def test_names_that_cannot_be_asked(name: str) -> None:
    with pytest.raises(ConfigError):
        encode_question(name)


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (answer(), ""),
        (answer(question=QUESTION.lower()), ""),
        (answer(flags=0x8183), "no such name"),
        (answer(flags=0x8182), "server failure"),
        (answer(flags=0x818F), "error code 15"),
        (answer(flags=0x0100), None),  # our own question, sent back
        (answer(identity=8), None),
        (answer(questions=2), None),
        (answer(question=encode_question("example.com")), None),
        (b"", None),
    ],
)
def test_answer(packet: bytes, expected: str | None) -> None:
    assert parse_answer(packet, 7, QUESTION) == expected


def test_resolver_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="no name server"):
        find_resolver(tmp_path)
    (tmp_path / "resolv.conf").write_text("# here\nsearch x\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n")
    assert find_resolver(tmp_path) == "192.0.2.1"


@given(st.binary() | st.binary().map(lambda tail: answer()[:12] + tail))
def test_any_bytes(packet: bytes) -> None:
    parse_answer(packet, 7, QUESTION)


@given(st.text())
def test_any_name(name: str) -> None:
    try:
        question = encode_question(name)
    except ConfigError:
        return
    assert len(question) <= 260
