"""URLs and status lines."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.probe.attempt import ProbeError
from nagare.collect.probe.http import Url, parse_status_line, parse_url
from nagare.errors import ConfigError


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("http://web/", Url(False, "web", 80, "web", "/")),
        ("https://web:8443/a?b=c#d", Url(True, "web", 8443, "web:8443", "/a?b=c")),
        ("https://[::1]:9", Url(True, "::1", 9, "[::1]:9", "/")),
        ("http://bücher.example/ä", Url(False, "bücher.example", 80, "xn--bcher-kva.example", "/%C3%A4")),
    ],
)
def test_url(target: str, url: Url) -> None:
    assert parse_url(target) == url


@pytest.mark.parametrize(
    "target", ["", "web", "ftp://web/", "http://", "http://web:x/", "http://w/a b", "http://w/\r\nX: y", "http://[::1"]
)
def test_wrong_url(target: str) -> None:
    with pytest.raises(ConfigError, match="cannot probe"):
        parse_url(target)


def test_credentials_are_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_url("https://me:hunter2@web/")
    assert "hunter2" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(("line", "status"), [(b"HTTP/1.1 200 OK\r", 200), (b"HTTP/1.0 404", 404)])
def test_status_line(line: bytes, status: int) -> None:
    assert parse_status_line(line) == status


@given(st.binary() | st.binary().map(lambda tail: b"HTTP/1.1 " + tail))
def test_any_line(line: bytes) -> None:
    with suppress(ProbeError):
        assert 0 <= parse_status_line(line) <= 999


@given(st.text().map(lambda tail: "http://" + tail) | st.text())
def test_any_url(target: str) -> None:
    try:
        url = parse_url(target)
    except ConfigError:
        return
    assert f"{url.path} {url.authority}".isascii()
    assert not any(character in url.path + url.authority for character in "\r\n \0")
