"""Logging in as people do it: from another directory, with a password on stdin, and out again."""

import json
from pathlib import Path

from tests.support import warm
from tests.support.processes import child_environment, nagare_argv, serving

PASSWORD = "correct horse battery\n"


def _nagare(data: Path, *arguments: str, given: str = "", status: int = 0) -> str:
    ended = warm.run(
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
        asked = warm.run(nagare_argv(*by_key), capture_output=True, check=True, timeout=60, env=environment)
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


class _Users:
    """``nagare users`` in one directory."""

    def __init__(self, where: Path) -> None:
        self.where = where

    def __call__(self, *arguments: str, given: str = "", status: int = 0) -> str:
        return _nagare(self.where, "users", *arguments, given=given, status=status)


def test_an_administrator_changes_users_and_roles(tmp_path: Path) -> None:
    users = _Users(tmp_path / "data")
    with serving(tmp_path / "data"):
        users("add", "ada", "--role", "viewer", "--group", "db", "--password-stdin", given=PASSWORD)
        users("add", "bob", "--no-password")
        users("role", "dba", "metrics.read", "hosts.write", "--text", "looks after databases")
        users("grant", "bob", "dba", "--group", "db", "--group", "web")
        listed = users("list", "-o", "table")
        assert "viewer(db)" in listed
        assert "dba(db,web)" in listed
        assert json.loads(users())[0]["name"] == "ada"
        users("remove-role", "dba", status=7)
        users("revoke", "bob", "dba")
        users("remove-role", "dba")
        assert "looks after" not in users("roles", "-o", "table")
        assert "installation" in users("roles", "--permissions", "-o", "table")
        assert json.loads(users("rename", "bob", "robert"))["name"] == "robert"
        assert json.loads(users("disable", "robert"))["is_disabled"]
        assert not json.loads(users("enable", "robert"))["is_disabled"]
        users("passwd", "robert", "--password-stdin", given="another good word\n")
        users("remove", "robert", status=2)
        users("remove", "robert", "--yes")
        users("show", "robert", status=5)
        assert "permission" in users("show", "ada", "-o", "table")


def test_a_user_looks_after_its_password_sessions_and_keys(tmp_path: Path) -> None:
    there = tmp_path / "none"
    users, own = _Users(tmp_path / "data"), _Users(there)
    with serving(tmp_path / "data") as server:
        users("add", "ada", "--role", "viewer", "--password-stdin", given=PASSWORD)
        _nagare(there, "login", server.url, "--user", "ada", "--password-stdin", given=PASSWORD)
        assert "every host" in own("me", "-o", "table")
        both = PASSWORD + "a new password here\n"
        own("passwd", "--password-stdin", given=both)
        own("passwd", "--password-stdin", given=both, status=6)
        made = json.loads(own("key", "k", "-a", "metrics.read", "--json"))
        assert made["secret"].startswith("ngk_")
        assert "metrics.read" in own("keys", "-o", "table")
        own("end-key", made["id"])
        assert own("keys").strip() == "[]"
        (session,) = json.loads(users("sessions", "--all"))
        assert session["user"] == "ada"
        assert "127.0.0.1" in users("sessions", "--user", "ada", "-o", "table")
        own("end", status=2)
        own("end", session["id"])
        users("end", session["id"], status=5)
        assert "nagare login" in own("me", status=6)
        users("end", "--user", "ada")
        _nagare(there, "logout", "--all")
