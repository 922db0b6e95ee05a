"""Shells that the server carries, at a real terminal: ``nagare ssh --via-server``, ``v`` in the dashboard, and who may not."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from nagare.lib.names import check_host
from tests.support.processes import RunningServer, child_environment, nagare_argv
from tests.support.pty_screen import PtyScreen, on_pty
from tests.support.ssh_server import PASSWORD, on_a_thread

HOST = check_host("web1")
LOGIN_PASSWORD = "correct horse battery staple"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine that nothing else gets, and that refuses."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def environment(tmp_path: Path, closed_port: int) -> dict[str, str]:
    """A home whose own configuration leads nowhere: only the server reaches the host."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(f"Host {HOST}\n  HostName 127.0.0.1\n  Port {closed_port}\n  User ops\n")
    return child_environment(HOME=str(home), NAGARE_SSH__AGENT="false")


def _place(server: RunningServer, port: int) -> None:
    server.register(HOST)
    labels = {"ssh_address": "127.0.0.1", "ssh_port": str(port)}
    server.request(f"/api/v1/hosts/{HOST}", {"labels": labels}, method="PATCH")


def _records(server: RunningServer, action: str) -> list[str]:
    return [entry["target"] for entry in server.request(f"/api/v1/audit?action={action}")["entries"]]


def test_a_shell_by_the_server_asks_here_follows_the_window_and_ends_with_its_status(
    running_server: RunningServer, environment: dict[str, str]
) -> None:
    with on_a_thread() as port:
        _place(running_server, port)
        argv = nagare_argv("--data", running_server.data, "ssh", HOST, "--via-server")
        with on_pty(argv, 100, 30, environment=environment) as screen:
            screen.wait_for("then type yes:")
            screen.press("yes\n")
            screen.wait_for(f"Password of ops at {HOST}")
            screen.press(f"{PASSWORD}\n")
            assert PASSWORD not in screen.wait_for("ready 100x30 xterm-256color")
            screen.resize(90, 20)
            screen.wait_for("size 90x20")
            screen.press("quit 7\r")
            assert screen.wait() == 7
    assert set(_records(running_server, "tunnels.open")) == {HOST}
    assert PASSWORD not in str(running_server.request("/api/v1/audit"))
    assert PASSWORD not in running_server.process.said()


def test_the_dashboard_goes_by_the_server_on_v(running_server: RunningServer, environment: dict[str, str]) -> None:
    with on_a_thread() as port:
        _place(running_server, port)
        argv = nagare_argv("--data", running_server.data, "top", "hosts")
        with on_pty(argv, 120, 40, environment=environment) as screen:
            screen.wait_for(HOST)
            screen.insist(lambda: screen.press("x"), "v goes by the server")
            assert _records(running_server, "tunnels.open") == []
            screen.press("v")
            _answer(screen, "Type yes to trust it", "yes", "yes")
            _answer(screen, f"Password of ops at {HOST}", PASSWORD, "•" * len(PASSWORD))
            screen.wait_for(lambda text: "ready " in text and "by the server" in text)
            screen.press("quit 3\r")
            screen.wait_for("ended with status 3")
    assert set(_records(running_server, "tunnels.open")) == {HOST}


def _answer(screen: PtyScreen, question: str, answer: str, shown: str) -> None:
    """Answer a dialog once it takes keys, and go on when its line shows what was typed."""
    screen.wait_for(question)
    stamps: set[str] = set()

    def is_later(text: str) -> bool:
        # It is deaf for half a second; the clock in the first line moves on by one.
        stamps.add(text.splitlines()[0].split()[-1])
        return len(stamps) > 2

    screen.wait_for(is_later)
    screen.press(answer)
    screen.wait_for(lambda text: any(line.strip("┃│ ") == shown for line in text.splitlines()))
    screen.press("\r")


def test_who_may_not_open_shells_is_told_so_before_anything_is_carried(
    running_server: RunningServer, environment: dict[str, str], tmp_path: Path, closed_port: int
) -> None:
    _place(running_server, closed_port)
    grants = [{"role": "viewer"}]
    running_server.request("/api/v1/users", {"name": "vera", "password": LOGIN_PASSWORD, "grants": grants})
    login = running_server.request("/api/v1/auth/login", {"user": "vera", "password": LOGIN_PASSWORD})
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text(login["access_token"])
    environment |= {"NAGARE_CLIENT__TOKEN_FILE": str(token), "NAGARE_CLIENT__SERVER": running_server.url}
    argv = nagare_argv("--data", tmp_path / "none", "ssh", HOST, "--via-server")
    with on_pty(argv, 100, 30, environment=environment) as screen:
        assert screen.wait() == 6
        assert "shells.open" in screen.text(), screen.text()
    assert _records(running_server, "tunnels.open") == []
