"""Which host a foreign series is about."""

import pytest

from nagare.model.samples import host_of


@pytest.mark.parametrize(
    ("labels", "host"),
    [
        ({"host": "web1", "instance": "10.0.0.1:9100"}, "web1"),
        ({"host.name": "db1"}, "db1"),
        ({"host_name": "db1"}, "db1"),
        ({"host": "", "instance": "web2:9100"}, "web2"),
        ({"instance": "web2"}, "web2"),
        ({"instance": "[fe80::1]:9100"}, "fe80::1"),
        ({"instance": "fe80::1"}, "fe80::1"),
        ({"instance": "http://web3/metrics"}, "http://web3/metrics"),
        ({}, ""),
    ],
)
def test_the_host_of_a_series(labels: dict[str, str], host: str) -> None:
    assert host_of(labels) == host
