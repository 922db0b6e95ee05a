"""X-Forwarded-For is what its sender wrote; only what trusted proxies added counts."""

import pytest

from nagare.server.rates.addresses import told_address

PROXIES = ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "headers", "address"),
    [
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),  # no proxy: forged
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5, 198.51.100.9"], "198.51.100.9"),  # the first one is the sender's own word
        ("10.0.0.1", ["203.0.113.5", "198.51.100.9"], "198.51.100.9"),  # so is a header of its own
        ("10.0.0.1", ["198.51.100.9, 10.0.0.2"], "198.51.100.9"),
        ("10.0.0.1", ["10.9.9.9, 198.51.100.9, 10.0.0.2"], "198.51.100.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.9, what is this"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", [", ,"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9:4711"], "198.51.100.9"),
        ("fd00::1", ["[2001:db8::5]:4711"], "2001:db8::5"),
        ("::ffff:10.0.0.1", ["2001:db8::5"], "2001:db8::5"),
        ("fd00::1", ["fe80::1%any word"], "fe80::1"),
        ("", ["198.51.100.9"], ""),
        ("10.0.0.1", ["198.51.100.9, " + ", ".join(["10.0.0.2"] * 40)], "10.0.0.2"),  # no endless walk
    ],
)
def test_the_last_address_that_only_trusted_ones_told(peer: str, headers: list[str], address: str) -> None:
    assert told_address(peer, headers, PROXIES) == address
