"""``nagare diagnose`` as a monitoring system calls it: one line, four statuses, and UNKNOWN for every failure of its own."""

import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import child_environment, nagare_argv


def nagare(*arguments: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run ``nagare`` to its end in the test's empty home."""
    return subprocess.run(
        nagare_argv(*arguments),
        capture_output=True,
        text=True,
        check=False,
        env=child_environment(),
        timeout=60,
        **more,
    )


def check_unknown(ended: subprocess.CompletedProcess[str], said: str) -> None:
    assert ended.returncode == 3, ended.stderr
    first = ended.stdout.splitlines()[0]
    assert first.startswith("UNKNOWN - ")
    assert said in first
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bogus"], "no such option: --bogus"),
        (["web1", "web2"], "unexpected extra argument"),
        (["--since", "yesterday"], "cannot read moment 'yesterday'"),
        (["--since", "5s"], "from a minute to 31 days"),
        (["web1", "--alert", "x"], "name a host or an alert"),
        (["--watch", "--model"], "--watch would ask the model"),
        (["--watch", "--ask", "why?"], "--watch would ask the model"),
        (["--watch", "--logs"], "--watch would read journals"),
        (["-o", "csv"], "there is no such form"),
        (["--rate", "3f2a9c0d", "sideways"], "it is up where it helped, down where not"),
        (["--config", "/no/such.toml"], "there is no such file"),
        ([], "none is running"),
        (["--server", "http://127.0.0.1:1"], "127.0.0.1:1"),
    ],
)  # fmt: skip
def test_a_failure_of_its_own_is_unknown(tmp_path: Path, arguments: list[str], said: str) -> None:
    check_unknown(nagare("--data", tmp_path, "diagnose", *arguments), said)


def test_a_server_that_never_answers_is_unknown_after_the_timeout(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        check_unknown(nagare("--data", tmp_path, "diagnose", "--server", url, "--timeout", "0.3"), "0.3 s")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_being_told_to_end_is_unknown(tmp_path: Path, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        argv = nagare_argv(
            "--data", tmp_path, "diagnose", "--server", f"http://127.0.0.1:{silent.getsockname()[1]}", "--timeout", "60"
        )
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=child_environment()) as asking:
            # It has asked: from here on it waits for an answer.
            connection, _ = silent.accept()
            with connection:
                asking.send_signal(number)
                said, _ = asking.communicate(timeout=60)
    assert asking.returncode == 3
    assert said.startswith(f"UNKNOWN - told to end by {number.name}")
