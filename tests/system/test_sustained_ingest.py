"""Half a million samples a second for ten minutes while people look on: nothing lost, nobody waits, memory stays.

The long form runs in ``make soak``; the short one sends less, and asks only for what no busy machine can spoil.
"""

from pathlib import Path

import pytest

from tests.support.processes import RunningServer, child_environment, serving
from tests.support.steady import Sender
from tests.support.watching import Seen, watched

HOSTS, RATE, SECONDS = 200, 500_000.0, 600.0


def _sustain(server: RunningServer, hosts: int, rate: float, seconds: float) -> Seen:
    """Send at that rate and compare what is there with what was acknowledged."""
    sender = Sender(server.url, server.token, hosts=hosts, rate=rate, seconds=seconds)
    try:
        with watched(server) as seen:
            sent = sender.result()
    finally:
        sender.close()
    assert not sent.said
    assert not seen.refused
    assert sent.samples == pytest.approx(rate * seconds, rel=0.01)
    rows = server.sql(
        "SELECT count(*), count(DISTINCT (name, labels)), count(DISTINCT ts) FROM samples WHERE host = 'node-0003'"
    )
    total, series = server.sql("SELECT count(*) FROM samples")[0][0], hosts * 60
    assert total == sent.samples
    # Of one host, as of every other: each series once at each moment.
    assert rows == [[sent.samples // hosts, 60, sent.samples // series]]
    return seen


def test_what_comes_at_one_rate_is_all_there_while_others_look_on(tmp_path: Path) -> None:
    environment = child_environment(NAGARE_STORAGE__FLUSH_SECONDS="1")
    with serving(tmp_path / "data", environment=environment) as server:
        seen = _sustain(server, 10, 6_000.0, 4.0)
    assert seen.health_ms
    assert seen.query_ms


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_half_a_million_a_second_for_ten_minutes(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        seen = _sustain(server, HOSTS, RATE, SECONDS)
    assert seen.rss_bytes < 10**9
    assert seen.p99("health") < 100
    assert seen.p99("query") < 100
