"""A real agent and a real server, killed and restarted under each other: nothing that was collected goes missing."""

import itertools
import signal
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from nagare.config.places import Places
from tests.support.processes import Process, RunningServer, child_environment, collecting, serving, wait_until


def _quick_agent(data: Path, *arguments: str) -> AbstractContextManager[Process]:
    environment = child_environment(NAGARE_AGENT__INTERVAL_SECONDS="0.25", NAGARE_AGENT__NAME="web1")
    return collecting(data, *arguments, environment=environment)


def _count(server: RunningServer, table: str = "load") -> int:
    return int(server.sql(f"select count(*) from {table}")[0][0])


def _kinds(server: RunningServer) -> list[str]:
    return [str(kind) for (kind,) in server.sql("select kind from events order by ts")]


def _spooled(data: Path) -> int:
    return sum(path.stat().st_size for path in (Places(data).spool / "batches").glob("*.seg"))


def _wait_for_rows(server: RunningServer, more: int, agent: Process) -> None:
    before = _count(server)
    wait_until(lambda: _count(server) >= before + more, f"{more} more rows", agent)


def _wait_for_empty_spool(server: RunningServer, agent: Process) -> None:
    newest = "select spool_batches from agent where collector = 'agent' order by ts desc limit 1"
    wait_until(lambda: server.sql(newest)[0][0] == 0, "an empty spool", agent)


def _moments(server: RunningServer) -> list[int]:
    return [int(ms) for (ms,) in server.sql("select epoch_ms(ts) from load where host = 'web1' order by ts")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_an_agent_that_starts_first_waits_and_survives_a_kill_of_its_server(data: Path) -> None:
    with _quick_agent(data) as agent:
        wait_until(lambda: "uplink_down" in agent.said() and _spooled(data) > 20_000, "batches on disk", agent)
        with serving(data) as server:
            _wait_for_rows(server, 8, agent)
            server.process.kill()
            told = agent.said().count("uplink_down")
            wait_until(lambda: agent.said().count("uplink_down") > told, "the outage noticed", agent)
        with serving(data) as server:
            _wait_for_rows(server, 12, agent)
            # A clean stop flushes the newest only; the backlog would wait for the next start.
            _wait_for_empty_spool(server, agent)
            assert agent.stop() == 0
            wait_until(lambda: "agent.stop" in _kinds(server), "the stop told")
            moments = _moments(server)
            # Exactly once each, and no tick between the first and the last is missing.
            assert len(set(moments)) == len(moments)
            skipped = server.sql("select max(overruns_total) from agent where collector = 'load'")[0][0]
            gaps = [round((later - earlier) / 250) for earlier, later in itertools.pairwise(moments[1:])]
            assert sum(gaps) - len(gaps) <= int(skipped)
            assert _kinds(server).count("agent.start") == 1
            assert _kinds(server).count("host.boot") == 1
            assert [host["name"] for host in server.request("/api/v1/hosts")["hosts"]] == ["web1"]


def test_what_a_killed_agent_had_spooled_arrives_with_the_next_one(data: Path) -> None:
    with _quick_agent(data) as agent:
        wait_until(lambda: _spooled(data) > 30_000, "batches on disk", agent)
        agent.kill()
    with serving(data) as server, _quick_agent(data) as agent:
        wait_until(
            lambda: len(server.sql("select distinct 1 from events where kind = 'agent.start'")) > 0, "events", agent
        )
        wait_until(lambda: _kinds(server).count("agent.start") == 2, "both starts told", agent)
        _wait_for_rows(server, 4, agent)
        _wait_for_empty_spool(server, agent)
        boots = server.sql(
            "select count(*) from load where ts < (select max(ts) from events where kind = 'agent.start')"
        )
        assert boots[0][0] >= 5
        # The machine did not boot in between, and is told of once.
        assert _kinds(server).count("host.boot") == 1
        assert agent.stop() == 0


def test_one_installation_has_one_agent(data: Path) -> None:
    with _quick_agent(data) as first:
        wait_until(lambda: "agent_started" in first.said(), "the first agent", first)
        with _quick_agent(data) as second:
            assert second.wait() == 7
            assert f"another one runs (pid {first.pid})" in second.said()
            assert "Traceback" not in second.said()
        first.send(signal.SIGINT)
        assert first.wait() == 0


def test_a_wrong_address_ends_the_agent_with_a_clear_word(data: Path) -> None:
    with _quick_agent(data, "--server", "ftp://nowhere") as agent:
        assert agent.wait() == 2
        assert "not an http or https URL" in agent.said()


def test_no_secret_is_in_logs_or_arguments(data: Path) -> None:
    with serving(data) as server, _quick_agent(data) as agent:
        _wait_for_rows(server, 2, agent)
        identity = (Places(data).spool / "identity.json").read_text()
        host_token = identity.split('"token":"')[1].split('"')[0]
        arguments = Path(f"/proc/{agent.pid}/cmdline").read_text()
        said = agent.said() + server.process.said() + arguments
        assert host_token not in said
        assert server.token not in said
        assert agent.stop() == 0
