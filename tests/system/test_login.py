"""Logging in as people do it: from another directory, with a password on stdin, and out again."""

import json
import subprocess
from pathlib import Path

from tests.support.processes import child_environment, nagare_argv, serving

PASSWORD = "correct horse battery\n"


def _nagare(data: Path, *arguments: str, given: str = "", status: int = 0) -> str:
    ended = subprocess.run(
        nagare_argv("--data", data, *arguments),
        input=given.encode(),
        capture_output=True,
        check=False,
        timeout=60,
        env=child_environment(NAGARE_CLIENT__KEYRING="false"),
    )
    assert ended.returncode == status, (arguments, ended.stdout, ended.stderr)
    return (ended.stdout if status == 0 else ended.stderr).decode()


def test_from_the_first_user_to_logging_out(tmp_path: Path) -> None:
    data, there = tmp_path / "data", tmp_path / "none"
    with serving(data) as server:
        server.register("web1")
        added = _nagare(data, "users", "add", "ada", "--role", "viewer", "--password-stdin", given=PASSWORD)
        assert json.loads(added)["grants"] == [{"role": "viewer", "groups": None}]
        _nagare(there, "login", server.url, "--user", "ada", "--password-stdin", given="wrong\n", status=6)
        _nagare(there, "login", server.url, "--user", "ada", "--password-stdin", given=PASSWORD)
        assert json.loads(_nagare(there, "users", "me"))["name"] == "ada"
        assert [host["name"] for host in json.loads(_nagare(there, "hosts"))] == ["web1"]
        assert json.loads(_nagare(there, "query", "SELECT 1 AS one")) == [{"one": 1}]
        assert "hosts.write" in _nagare(there, "hosts", "label", "web1", "a=b", status=6)
        key = _nagare(there, "users", "key", "report", "--allow", "metrics.read", "--days", "1").strip()
        assert key.startswith("ngk_")
        (tmp_path / "key").write_text(key)
        (tmp_path / "key").chmod(0o600)
        by_key = ("--server", server.url, "query", "SELECT 2 AS two")
        environment = child_environment(NAGARE_CLIENT__TOKEN_FILE=str(tmp_path / "key"))
        asked = subprocess.run(nagare_argv(*by_key), capture_output=True, check=True, timeout=60, env=environment)
        assert json.loads(asked.stdout) == [{"two": 2}]
        _nagare(data, "users", "rotate-keys")
        assert json.loads(_nagare(there, "users", "me"))["name"] == "ada"
        _nagare(data, "users", "disable", "ada")
        assert "session has ended" in _nagare(there, "users", "me", status=6)
        _nagare(there, "logout")
        _nagare(there, "logout", status=5)
        told = [row["action"] for row in json.loads(_nagare(data, "audit", "list"))]
        assert {"users.add", "auth.login", "keys.make", "identity.rotate", "users.change", "auth.logout"} <= set(told)
    assert "nagare login" in _nagare(there, "login", status=2)


def test_a_password_never_crosses_a_network_in_the_clear(tmp_path: Path) -> None:
    login = ("login", "http://ops.example.net:8750", "--user", "ada", "--password-stdin")
    assert "in the clear" in _nagare(tmp_path, *login, given=PASSWORD, status=2)
