"""What may stand in [bus], and what would end in process lists or go over the wire in the clear."""

from pathlib import Path

import pytest

from nagare.config.coerce import BadValueError
from nagare.config.rules import check, check_bus
from nagare.config.settings import BusSettings

FILE = Path("/etc/nagare/secret")


@pytest.mark.parametrize(
    "servers",
    [(), ("nats://127.0.0.1:4222",), ("tls://nats1.example", "tls://nats2.example:4222"), ("nats://[::1]:1",)],
)
def test_servers_may_be_named(servers: tuple[str, ...]) -> None:
    assert check("bus.servers", servers) == servers


@pytest.mark.parametrize(
    ("server", "fault"),
    [
        ("nats://u:secret-word@nats:4222", "a file"),
        ("nats://secret-word@nats:4222", "a file"),
        ("http://nats:4222", "not the URL of a NATS server"),
        ("nats://", "not the URL of a NATS server"),
        ("nats://nats:0", "not the URL of a NATS server"),
        ("nats://nats:4222/path", "not the URL of a NATS server"),
        ("nats://nats:many", "no URL"),
    ],
)
def test_what_may_not_is_told_without_its_secret(server: str, fault: str) -> None:
    with pytest.raises(BadValueError, match=fault) as refused:
        check("bus.servers", (server,))
    assert "secret-word" not in refused.value.reason


def test_a_server_stands_there_once() -> None:
    with pytest.raises(BadValueError, match="twice"):
        check("bus.servers", ("nats://127.0.0.1:1", "nats://127.0.0.1:1"))


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, ""),
        ({"user": "nagare", "password_file": FILE}, ""),
        ({"credentials_file": FILE}, ""),
        ({"user": "nagare"}, "belong together"),
        ({"password_file": FILE}, "belong together"),
        ({"user": "nagare", "password_file": FILE, "token_file": FILE}, "or none"),
        ({"token_file": FILE, "credentials_file": FILE}, "or none"),
        ({"tls_key_file": FILE}, "belong together"),
        ({"servers": ("nats://127.0.0.1:4222", "nats://localhost")}, ""),
        ({"servers": ("tls://nats.example",)}, ""),
        ({"servers": ("nats://nats.example",)}, "without TLS"),
        ({"servers": ("nats://nats.example",), "insecure": True}, ""),
    ],
)
def test_the_section_as_a_whole(settings: dict[str, object], fault: str) -> None:
    found = check_bus(BusSettings(**settings))  # type: ignore[arg-type]
    assert fault in found
    assert bool(found) == bool(fault)
