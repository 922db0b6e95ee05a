"""The agent as one file: built here, run by an interpreter that sees nothing of this environment, joined to a real server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nagare.config.places import Places
from tests.support import warm
from tests.support.processes import child_environment, nagare_argv, started, wait_until


@pytest.fixture(scope="module")
def agent_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agent's file from what is installed here."""
    file = tmp_path_factory.mktemp("built") / "agent.pyz"
    argv = nagare_argv("bundle", "build", "--installed", "--to", file, "--quiet")
    warm.run(argv, check=True, env=child_environment(), stdout=subprocess.DEVNULL, timeout=120)
    return file


def bare(home: Path, **more: str) -> dict[str, str]:
    """Return an environment in which only the file itself can be found."""
    home.mkdir(exist_ok=True)
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", **more}


def outside_argv(file: Path, *words: str | Path) -> list[str]:
    """Return the command line that runs ``file`` by the interpreter itself, without this environment's packages."""
    return [os.path.realpath(sys.executable), "-I", "-S", *map(str, (file, *words))]


def test_the_file_is_small_and_equal_contents_give_equal_bytes(agent_file: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.pyz"
    argv = nagare_argv("bundle", "build", "--installed", "--to", again, "--quiet")
    warm.run(argv, check=True, env=child_environment(), stdout=subprocess.DEVNULL, timeout=120)
    assert again.read_bytes() == agent_file.read_bytes()
    assert len(again.read_bytes()) <= 15_000_000


def test_the_file_alone_joins_a_server_and_sends(agent_file: Path, tmp_path: Path) -> None:
    data, agent = tmp_path / "server", tmp_path / "agent"
    serve = nagare_argv("--data", data, "serve", "--listen", "127.0.0.1:0")

    def nagare(*words: str) -> str:
        argv = nagare_argv("--data", data, *words)
        return warm.run(argv, check=True, capture_output=True, env=child_environment(), timeout=60).stdout.decode()

    with started(serve, environment=child_environment(NAGARE_SERVER__TLS="always")) as server:
        wait_until(Places(data).server_note.exists, "the server's note", server)
        token = tmp_path / "join.token"
        token.write_text(nagare("tokens", "mint", "--accept", "--quiet"))
        token.chmod(0o600)
        environment = bare(
            tmp_path / "home",
            NAGARE_AGENT__JOIN_TOKEN_FILE=str(token),
            NAGARE_AGENT__NAME="outside",
            NAGARE_AGENT__INTERVAL_SECONDS="0.5",
        )
        with started(outside_argv(agent_file, "--data", agent), environment=environment, cwd=tmp_path) as process:
            asked = "select count(*) as n from cpu where host = 'outside'"
            wait_until(lambda: json.loads(nagare("query", asked, "-o", "json"))[0]["n"] > 0, "rows", process)
            loaded = Path(f"/proc/{process.pid}/maps").read_text()
            assert str(agent / "agent" / "unpacked") in loaded
            assert "site-packages" not in loaded
            assert process.stop() == 0
        asked_alone = outside_argv(agent_file, "status", "--data", agent, "-o", "json")
        done = subprocess.run(asked_alone, capture_output=True, env=environment, cwd=tmp_path, check=False, timeout=60)
        told = json.loads(done.stdout)
        assert (done.returncode, told["state"], told["host"]) == (1, "stopped", "outside"), done.stderr
