import pytest

from nagare.errors import ConfigError
from nagare.server.running.listen import Listen, own_names, parse_listen

LAWFUL = [
    ("127.0.0.1:8750", Listen("127.0.0.1", 8750), True, "http://127.0.0.1:1"),
    ("localhost:0", Listen("localhost", 0), True, "http://localhost:1"),
    ("[::1]:8750", Listen("::1", 8750), True, "http://[::1]:1"),
    ("127.8.8.8:1", Listen("127.8.8.8", 1), True, "http://127.8.8.8:1"),
    ("0.0.0.0:8750", Listen("0.0.0.0", 8750), False, "http://127.0.0.1:1"),
    ("[::]:8750", Listen("::", 8750), False, "http://[::1]:1"),
    ("nagare.example:443", Listen("nagare.example", 443), False, "http://nagare.example:1"),
    ("10.0.0.1:65535", Listen("10.0.0.1", 65535), False, "http://10.0.0.1:1"),
]


@pytest.mark.parametrize(("written", "listen", "is_loopback", "url"), LAWFUL)
def test_addresses(written: str, listen: Listen, is_loopback: bool, url: str) -> None:
    parsed = parse_listen(written)
    assert parsed == listen
    assert parsed.is_loopback is is_loopback
    assert parsed.url(1, tls=False) == url
    assert parsed.url(1, tls=True) == url.replace("http:", "https:")


@pytest.mark.parametrize(
    "written",
    ["", ":", ":8750", "8750", "host", "host:", "host:x", "host:-1", "host:65536", "::1:80", "[::1]", "host:８"],
)
def test_useless_addresses(written: str) -> None:
    with pytest.raises(ConfigError, match="cannot listen"):
        parse_listen(written)


def test_a_machine_knows_itself() -> None:
    assert all(name and name == name.lower() for name in own_names())
