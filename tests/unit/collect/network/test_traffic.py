"""Interface counters and default routes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.network.traffic import Counts, find_primary, parse_traffic
from tests.unit.collect.trees import captured

HEAD = b"Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"


def test_captured_machine() -> None:
    found = parse_traffic(captured("hosts/vm/proc/net/dev"))
    assert found["ens3"] == Counts(3141592653, 2718281, 2, 14, 1618033988, 1414213, 1, 3)


def test_names_with_a_colon_and_without_a_blank() -> None:
    found = parse_traffic(captured("hosts/metal/proc/net/dev"))
    assert found["eth0:1"].received_bytes == 9
    assert found["eno2"].received_bytes == 5000001
    assert parse_traffic(captured("hosts/old/proc/net/dev"))["eth0"].received_bytes == 123


@pytest.mark.parametrize(
    ("routes", "ipv6", "primary"),
    [
        (captured("hosts/vm/proc/net/route"), captured("hosts/vm/proc/net/ipv6_route"), {"ens3"}),
        (captured("hosts/metal/proc/net/route"), b"", {"bond0"}),
        (b"", b"", set()),
        (HEAD + b"wg0\t00000000\t0\t0001\t0\t0\t0\t00000080\n", b"", set()),  # half of the Internet is no default
        (HEAD + b"x\t00000000\t0\t0201\t0\t0\t0\t00000000\n", b"", set()),  # a reject route
        (HEAD + b"x\t00000000\t0\tzz\t0\t0\t0\t00000000\n", b"", set()),
        (b"", captured("hosts/vm/proc/net/ipv6_route").replace(b"ens3", b"eth9"), {"eth9"}),
    ],
)
def test_primary(routes: bytes, ipv6: bytes, primary: set[str]) -> None:
    assert find_primary(routes, ipv6) == primary


@given(st.binary(), st.binary())
def test_any_bytes(one: bytes, two: bytes) -> None:
    parse_traffic(one)
    find_primary(one, two)
