"""The agent as one file, updated to newer such files: whole bundles with every library, signed, tried and run by a bare Python."""

import hashlib
import io
import json
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.processes import Process, RunningServer, child_environment, nagare_argv, started, wait_until
from tests.system.test_agent_file import bare, outside_argv
from tests.system.test_updates import QUICK, host, publish, roll_out, rollout, texts, versions

NEW, ILL = "90.0.0", "91.0.0"
_INIT = "lib/any/nagare/__init__.py"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's file of this version, as ``nagare bundle build`` makes it."""
    file = tmp_path_factory.mktemp("built") / "agent.pyz"
    argv = nagare_argv("bundle", "build", "--installed", "--to", file, "--quiet")
    warm.run(argv, check=True, env=child_environment(), stdout=subprocess.DEVNULL, timeout=120)
    return file


def another(built: Path, version: str, *, first: str = "") -> bytes:
    """Return the same file as another version whose package begins with ``first``."""
    written = io.BytesIO(b"#!/usr/bin/env python3\n")
    written.seek(0, io.SEEK_END)
    init = f'"""Another version."""\n\n__version__ = "{version}"\n{first}'.encode()
    with zipfile.ZipFile(built) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        manifest = json.loads(old.read("manifest.json"))
        manifest["version"] = version
        manifest["files"][_INIT] = hashlib.sha256(init).hexdigest()
        for name in old.namelist():
            content = {"manifest.json": json.dumps(manifest).encode(), _INIT: init}.get(name)
            new.writestr(name, old.read(name) if content is None else content)
    return written.getvalue()


def run_by(pid: int) -> str:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def become_newer(server: RunningServer, built: Path, agent: Process, data: Path) -> str:
    """Update ``agent`` to a newer file and return its name."""
    good = publish(server, another(built, NEW), NEW)
    roll_out(server, NEW)
    wait_until(lambda: rollout(server)["state"] == "done", "the end of the rollout", agent)
    assert (host(server)["version"], NEW in versions(server)) == (NEW, True)
    assert f"{good['sha256']}.pyz" in run_by(agent.pid), "the same process, another file"
    loaded = Path(f"/proc/{agent.pid}/maps").read_text()
    assert str(data / "agent" / "unpacked" / str(good["sha256"])) in loaded
    assert "site-packages" not in loaded
    return f"{good['sha256']}.pyz"


def refuse_ill(server: RunningServer, built: Path, agent: Process) -> None:
    """Offer ``agent`` a newer file that does not start."""
    publish(server, another(built, ILL, first='raise SystemError("ill")\n'), ILL)
    roll_out(server, ILL)
    found = wait_until(lambda: (now := rollout(server))["state"] == "paused" and now, "the pause", agent)
    assert "it ended with status 1 before it delivered anything" in found["reason"]
    [text] = wait_until(lambda: texts(server, "agent.update_failed"), "the event", agent)
    assert f"{NEW} goes on" in text
    assert (host(server)["version"], ILL in versions(server)) == (NEW, False)


def test_a_file_becomes_a_newer_file_comes_back_as_it_and_refuses_an_ill_one(
    running_server: RunningServer, built: Path, tmp_path: Path
) -> None:
    server, data = running_server, tmp_path / "agent"
    token = tmp_path / "register.token"
    token.write_text(server.token)
    token.chmod(0o600)
    own = {"NAGARE_AGENT__SERVER": server.url, "NAGARE_AGENT__TOKEN_FILE": str(token)}
    environment = bare(tmp_path / "home", **QUICK, **own)
    argv = outside_argv(built, "--data", data)
    with started(argv, environment=environment, cwd=tmp_path) as agent:
        wait_until(lambda: host(server), "the host", agent)
        server.request("/api/v1/hosts/canary/accept", {"capabilities": ["update"]})
        newer = become_newer(server, built, agent, data)
        agent.send(signal.SIGKILL)
        agent.wait()
    # The service manager starts the installed file again, which becomes the newer one.
    with started(argv, environment=environment, cwd=tmp_path) as agent:
        wait_until(lambda: "uplink_up" in agent.said(), "its batches", agent)
        assert f"agent_becomes version={NEW}" in agent.said()
        assert newer in run_by(agent.pid)
        refuse_ill(server, built, agent)
        assert newer in run_by(agent.pid)
        assert agent.stop() == 0
