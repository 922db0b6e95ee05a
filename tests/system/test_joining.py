"""Two machines join over TLS with a token from the command line; one is contested and one revoked."""

import json
from pathlib import Path

from nagare.config.places import Places
from tests.support import warm
from tests.support.processes import child_environment, collecting, nagare_argv, started, wait_until


def nagare(data: Path, *arguments: str, status: int = 0) -> str:
    """Return what a command wrote."""
    ended = warm.run(
        nagare_argv("--data", data, *arguments), capture_output=True, check=False, timeout=60, env=child_environment()
    )
    assert ended.returncode == status, (arguments, ended.stdout, ended.stderr)
    return ended.stdout.decode()


def test_two_hosts_join_are_contested_and_revoked(tmp_path: Path) -> None:
    data = tmp_path / "server"
    serve = nagare_argv("--data", data, "serve", "--listen", "127.0.0.2:0")
    with started(serve, environment=child_environment(NAGARE_SERVER__TLS="always")) as server:
        wait_until(Places(data).server_note.exists, "the server's note", server)
        assert json.loads(Places(data).server_note.read_text())["url"].startswith("https://127.0.0.2:")
        token = tmp_path / "join.token"
        token.write_text(nagare(data, "tokens", "mint", "--uses", "2", "--label", "rack=b7", "--quiet"))
        token.chmod(0o600)

        def hosts() -> dict[str, dict[str, object]]:
            return {host["name"]: host for host in json.loads(nagare(data, "hosts", "list", "-o", "json"))}

        def environment(name: str) -> dict[str, str]:
            return child_environment(
                NAGARE_AGENT__JOIN_TOKEN_FILE=str(token), NAGARE_AGENT__NAME=name, NAGARE_AGENT__INTERVAL_SECONDS="0.5"
            )

        with (
            collecting(tmp_path / "one", environment=environment("one")) as one,
            collecting(tmp_path / "two", environment=environment("two")) as two,
        ):
            wait_until(lambda: len(hosts()) == 2, "two hosts", one)
            assert {host["enrolment"] for host in hosts().values()} == {"pending"}
            assert all(host["labels"] == {"rack": "b7"} for host in hosts().values())
            wait_until(lambda: "nagare hosts accept one" in one.said(), "what it waits for", one)
            assert "permission" not in one.said()
            nagare(data, "hosts", "accept", "one")
            nagare(data, "hosts", "accept", "two")
            both = "select count(distinct host) from cpu"
            wait_until(
                lambda: json.loads(nagare(data, "query", both, "-o", "json"))[0]["count(DISTINCT host)"] == 2,
                "rows",
                two,
            )
            token.write_text(nagare(data, "tokens", "mint", "--quiet"))
            with collecting(tmp_path / "clone", environment=environment("one")) as clone:
                wait_until(lambda: hosts()["one"]["conflict"], "the conflict", clone)
            nagare(data, "hosts", "revoke", "two")
            wait_until(lambda: "revoked it" in two.said(), "the refusal", two)
        assert hosts()["two"]["enrolment"] == "revoked"
        assert hosts()["one"]["enrolment"] == "active"
