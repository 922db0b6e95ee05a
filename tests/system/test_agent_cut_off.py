"""An agent that was cut off while its server was killed again and again: every sample arrives once, the newest first.

Time is compressed a hundred times: a tick each 0.2 s stands for one each 20 s, so six seconds are ten minutes.
"""

import itertools
import time
from pathlib import Path

from nagare.config.places import Places
from nagare.lib.segment_file import SEGMENT_HEADER
from tests.support.processes import Process, RunningServer, child_environment, collecting, serving, wait_until

_STEP_MS = 200
_OUTAGE_SECONDS = 6.0
_MOMENTS = "select epoch_ms(ts) from load where host = 'web1' order by ts"


def _moments(server: RunningServer) -> list[int]:
    return [int(ms) for (ms,) in server.sql(_MOMENTS)]


def _hole(moments: list[int]) -> tuple[int, int]:
    """Return the ends of the longest time without a moment."""
    return max(itertools.pairwise(moments), key=lambda pair: pair[1] - pair[0])


def _width(hole: tuple[int, int]) -> int:
    return hole[1] - hole[0]


def _spooled(data: Path) -> int:
    return sum(path.stat().st_size - SEGMENT_HEADER.size for path in (Places(data).spool / "batches").glob("*.seg"))


def _kill_in_the_outage(data: Path, agent: Process) -> None:
    """Cut the agent off: the server dies, and what comes up meanwhile dies before it takes much."""
    until = time.monotonic() + _OUTAGE_SECONDS
    wait_until(lambda: _spooled(data) > 20_000, "batches on disk", agent)
    with serving(data) as server:
        server.process.kill()
    wait_until(lambda: time.monotonic() >= until and _spooled(data) > 50_000, "the end of the outage", agent)


def test_after_ten_minutes_alone_every_sample_arrives_once_the_newest_first(tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = child_environment(
        NAGARE_AGENT__INTERVAL_SECONDS="0.2",
        NAGARE_AGENT__NAME="web1",
        NAGARE_AGENT__BACKLOG_BATCHES_PER_SECOND="4",
        NAGARE_AGENT__RETRY_LIMIT_SECONDS="0.5",
    )
    with collecting(data, environment=environment) as agent:
        with serving(data) as server:
            wait_until(lambda: len(_moments(server)) > 3, "the first rows", agent)
            server.process.kill()
        _kill_in_the_outage(data, agent)
        with serving(data) as server:
            # Before the agent is back there is no such hole: nothing stands behind it.
            wait_until(lambda: 2000 < _width(_hole(_moments(server))) < 5000, "some catching up", agent)
            holes = [_hole(_moments(server))]
            wait_until(lambda: _hole(_moments(server))[1] < holes[0][1] - 3 * _STEP_MS, "some more of it", agent)
            holes.append(_hole(_moments(server)))
            server.process.kill()
        # What was missing ended later at first: it was filled from its newer end, and from there alone.
        assert holes[1][0] == holes[0][0]
        with serving(data) as server:
            wait_until(lambda: _spooled(data) == 0, "an empty spool", agent)
            wait_until(lambda: _gap_kinds(server) == {"buffered"}, "gaps that are known for what they were", agent)
            assert agent.stop() == 0
            _check_whole(server)


def _check_whole(server: RunningServer) -> None:
    moments = _moments(server)
    assert len(set(moments)) == len(moments)
    skipped = server.sql("select max(overruns_total) from agent where collector = 'load'")[0][0]
    steps = [round((later - earlier) / _STEP_MS) for earlier, later in itertools.pairwise(moments[1:])]
    assert sum(steps) - len(steps) <= int(skipped)
    kinds = [kind for (kind,) in server.sql("select kind from events order by ts")]
    assert kinds.count("agent.start") == 1
    assert "agent.batches_dropped" not in kinds
    totals = server.sql(
        "select max(batches_dropped_total), max(batches_thinned_total), max(batches_damaged_total) from agent"
    )
    assert totals == [[0, 0, 0]]
    assert _gap_kinds(server) == {"buffered"}


def _gap_kinds(server: RunningServer) -> set[str]:
    return {str(kind) for (kind,) in server.sql("select kind from gaps where host = 'web1' and until_ms is not null")}
