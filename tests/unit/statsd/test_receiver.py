"""Who may send, and on which addresses it is sensible to listen."""

import pytest

from nagare.errors import ConfigError
from nagare.statsd.receiver import Networks, open_socket


@pytest.mark.parametrize(
    ("networks", "address", "holds"),
    [
        ((), "127.0.0.1", True),
        ((), "127.9.9.9", True),
        ((), "::1", True),
        ((), "::ffff:127.0.0.1", True),
        ((), "10.0.0.1", False),
        ((), "fe80::1%eth0", False),
        (("10.0.0.0/8", "fe80::/10"), "10.1.2.3", True),
        (("10.0.0.0/8", "fe80::/10"), "::ffff:10.1.2.3", True),
        (("10.0.0.0/8", "fe80::/10"), "fe80::1%eth0", True),
        # Networks that are named are the only ones.
        (("10.0.0.0/8",), "127.0.0.1", False),
        (("10.0.0.0/8",), "11.0.0.1", False),
    ],
)
def test_networks(networks: tuple[str, ...], address: str, holds: bool) -> None:
    known = Networks(networks)
    assert [known.holds(address) for _ in range(2)] == [holds, holds]


def test_forged_addresses_do_not_fill_memory() -> None:
    networks = Networks(())
    for number in range(10_000):
        networks.holds(f"10.0.{number // 256}.{number % 256}")
    assert len(networks._known) <= 4096


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])
def test_listening_beyond_this_machine_needs_networks(listen: str) -> None:
    with pytest.raises(ConfigError, match="nobody beyond this machine may send"):
        open_socket(listen, (), 65536)


def test_an_address_in_use_is_told() -> None:
    with open_socket("127.0.0.1:0", (), 65536) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match=r"127\.0\.0\.1:\d+: [Aa]ddress already in use"):
            open_socket(f"127.0.0.1:{port}", (), 65536)
