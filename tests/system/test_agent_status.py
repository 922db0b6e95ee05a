"""``nagare agent status`` of a real agent: while it delivers, while its server is away, and after it was killed."""

import json
from pathlib import Path
from typing import Any

from tests.support import warm
from tests.support.processes import child_environment, collecting, nagare_argv, serving, wait_until


def _status(data: Path) -> tuple[int, dict[str, Any]]:
    done = warm.run(
        nagare_argv("--data", data, "agent", "status", "-o", "json"), capture_output=True, check=False, timeout=60
    )
    return done.returncode, json.loads(done.stdout)


def test_it_tells_the_truth_of_an_agent_that_delivers_waits_and_is_killed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = child_environment(NAGARE_AGENT__INTERVAL_SECONDS="0.2", NAGARE_AGENT__NAME="web1")
    with collecting(data, environment=environment) as agent:
        with serving(data) as server:
            code, found = wait_until(lambda: _when(data, "up"), "an agent that delivers", agent)
            assert (code, found["state"], found["pid"], found["server"]) == (0, "running", agent.pid, server.url)
            assert found["since_start"]["sent"] >= 1
            server.process.kill()
        code, found = wait_until(lambda: _when(data, "down"), "an agent that waits", agent)
        assert (code, found["state"], found["queue"]["read_from"]) == (1, "running", "agent")
        assert found["last_error"]
        agent.kill()
    code, found = _status(data)
    assert (code, found["state"], found["queue"]["read_from"]) == (1, "stopped", "disk")
    assert found["queue"]["batches"] > 0
    assert "did not end by itself" in found["faults"][0]


def _when(data: Path, connection: str) -> tuple[int, dict[str, Any]] | None:
    if not (data / "spool" / "status.json").exists():
        return None
    code, found = _status(data)
    return (code, found) if found["connection"] == connection else None
