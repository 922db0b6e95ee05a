import pytest

from nagare.errors import ConfigError
from nagare.net.trust import check_address, parse_pin

PIN = "ab" * 32


@pytest.mark.parametrize("text", [PIN, PIN.upper(), f"sha256:{PIN}", ":".join(["AB"] * 32), f"  {PIN}\n"])
def test_a_pin_is_read_in_the_forms_that_tools_print(text: str) -> None:
    assert parse_pin(text) == PIN


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, PIN + "ab", "\x1b[31m"])
def test_what_is_no_pin_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot use certificate pin") as caught:
        parse_pin(text)
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize("url", ["http://127.0.0.1:8750", "https://ops.example.net", "https://[::1]:8750/prefix/"])
def test_http_addresses_are_taken(url: str) -> None:
    check_address(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8750",
        "ftp://host",
        "http://",
        "http://host:99999",
        "http://host:0",
        "http://host/?token=1",
        "http://host/#top",
        "https://[::1",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="cannot use server address"):
        check_address(url)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        check_address("https://user:hunter2@host")
    assert "hunter2" not in caught.value.message + caught.value.hint


def test_a_pin_beside_plain_http_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs https"):
        check_address("http://host", PIN)
    check_address("https://host", PIN)
