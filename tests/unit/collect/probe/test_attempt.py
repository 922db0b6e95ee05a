"""Endpoints, names and the words of faults."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.probe.attempt import ProbeError, parse_endpoint, reason, resolve
from nagare.errors import ConfigError


@pytest.mark.parametrize(
    ("target", "default", "expected"),
    [
        ("web:80", None, ("web", 80)),
        ("[::1]:443", None, ("::1", 443)),
        ("10.0.0.1:53", None, ("10.0.0.1", 53)),
        ("10.0.0.1", 53, ("10.0.0.1", 53)),
        ("::1", 53, ("::1", 53)),
        ("[::1]", 53, ("::1", 53)),
    ],
)
def test_endpoint(target: str, default: int | None, expected: tuple[str, int]) -> None:
    assert parse_endpoint(target, default) == expected


@pytest.mark.parametrize(
    "target", ["", "web", "web:", ":80", "web:0", "web:65536", "web:x", "::1", "[::1]", "web:９", "[]:5"]
)
def test_wrong_endpoint(target: str) -> None:
    with pytest.raises(ConfigError, match="it is not HOST:PORT"):
        parse_endpoint(target)


@given(st.text())
def test_any_endpoint(target: str) -> None:
    try:
        host, port = parse_endpoint(target)
    except ConfigError:
        return
    assert host
    assert 0 < port < 65536


def test_names_that_do_not_resolve() -> None:
    for name in ("no-such-name.invalid", "a" * 300 + ".invalid"):
        with pytest.raises(ProbeError, match="cannot resolve"):
            resolve(name, 80)
    assert resolve("127.0.0.1", 80)[0][1] == ("127.0.0.1", 80)


def test_reasons_are_words() -> None:
    assert reason(TimeoutError()) == "timed out"
    assert reason(ConnectionRefusedError(111, "Connection refused")) == "connection refused"
    assert reason(ValueError()) == "ValueError"
