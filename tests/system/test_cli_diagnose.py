"""``nagare diagnose`` as a monitoring system calls it: one line, four statuses, and UNKNOWN for every failure of its own."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from nagare.wire.codec import encode
from nagare.wire.diagnosis import DiagnosisView
from tests.support import warm
from tests.support.processes import child_environment, nagare_argv


def nagare(*arguments: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run ``nagare`` to its end in the test's empty home."""
    return warm.run(
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
        with warm.popen(argv, stdout=subprocess.PIPE, text=True, env=child_environment()) as asking:
            # It has asked: from here on it waits for an answer.
            connection, _ = silent.accept()
            with connection:
                asking.send_signal(number)
                said, _ = asking.communicate(timeout=60)
    assert asking.returncode == 3
    assert said.startswith(f"UNKNOWN - told to end by {number.name}")


def test_watching_tells_what_changes_alone(tmp_path: Path) -> None:
    with answering("OK", "OK", "CRITICAL") as url:
        argv = nagare_argv("--data", tmp_path, "diagnose", "--server", url, "--watch", "--every", "1")
        with warm.popen(argv, stdout=subprocess.PIPE, text=True, env=child_environment()) as watching:
            assert watching.stdout is not None
            lines: list[str] = []
            while not lines or not lines[-1].startswith("CRITICAL"):
                lines.append(watching.stdout.readline())
                assert lines[-1], lines
            watching.send_signal(signal.SIGTERM)
            said, _ = watching.communicate(timeout=60)
    assert [line.partition(" ")[0] for line in lines if " - " in line] == ["OK", "CRITICAL"]
    assert watching.returncode == 3
    assert "told to end by SIGTERM" in said


@pytest.mark.parametrize("more", [[], ["--watch"]])
def test_a_reader_that_has_gone_leaves_the_status(tmp_path: Path, more: list[str]) -> None:
    unread, told = os.pipe()
    os.close(unread)
    with answering("CRITICAL") as url, open(told, "wb") as nobody:
        argv = nagare_argv("--data", tmp_path, "diagnose", "--server", url, *more)
        ended = warm.run(argv, stdout=nobody, stderr=subprocess.PIPE, env=child_environment(), timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (2, b"")


@contextmanager
def answering(*verdicts: str) -> Iterator[str]:
    """Answer every question with the next of ``verdicts``, and the last of them for ever; give the server's URL."""
    left = list(verdicts)

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Answer a question."""
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            verdict = left.pop(0) if len(left) > 1 else left[0]
            view = DiagnosisView(
                "d1", "", "dora", "web1", "", "", "", verdict, 0, "as it is", False, 0.1, [], [], [], [], []
            )
            body = encode(view)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any, **__: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)
