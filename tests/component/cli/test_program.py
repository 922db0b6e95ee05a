"""The program as a shell sees it: streams, exit codes, formats, in an empty home."""

import csv
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm
from tests.support.processes import child_environment, nagare_argv


def nagare(*arguments: str | Path, start: Any = warm.run, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run ``nagare`` to its end in the test's empty home; ``start``: ``subprocess.run`` for an interpreter of its own."""
    environment = child_environment(**more.pop("environment", {}))
    ended: subprocess.CompletedProcess[str] = start(
        nagare_argv(*arguments), capture_output=True, text=True, check=False, env=environment, timeout=60, **more
    )
    return ended


def test_version_in_every_form() -> None:
    assert nagare("--version", start=subprocess.run).stdout.startswith("nagare 0.")
    rows = json.loads(nagare("version", start=subprocess.run).stdout)
    assert rows[0]["part"] == "nagare"
    assert json.loads(nagare("version", "--json").stdout) == rows
    assert json.loads(nagare("-o", "json", "version").stdout) == rows
    assert [json.loads(line) for line in nagare("version", "-o", "ndjson").stdout.splitlines()] == rows
    read = list(csv.DictReader(io.StringIO(nagare("version", "-o", "csv").stdout)))
    assert read == rows
    assert nagare("version", "-o", "table").stdout.startswith("part")


def test_nothing_to_do_is_help() -> None:
    alone = nagare(start=subprocess.run)
    assert alone.returncode == 0
    assert "Commands:" in alone.stdout
    assert alone.stdout == nagare("--help").stdout
    assert alone.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (["qurey", "select 1"], "cannot run command 'qurey': there is no such command", "did you mean 'query'?"),
        (["--versoin"], "no such option: --versoin", "--version"),
        (["query", "--sinc", "1h", "x"], "no such option: --sinc", "--since"),
        (["version", "-o", "jsn"], "cannot write output as 'jsn'", "'json'"),
        (["query"], "either as an argument or by --file", "nagare query"),
        (["query", "x", "--since", "yesterday"], "cannot read moment 'yesterday'", "1h30m"),
        (["query", "x", "-p", "nope"], "cannot use parameter 'nope'", "-p most=0.9"),
        (["query", "--file", "/no/such.sql"], "cannot read statement /no/such.sql: no such file", ""),
        (["query", "x", "--limit", "0"], "invalid value for '--limit'", "--help"),
        (["plot"], "missing argument 'metric'", "--help"),
        (["hosts", "shwo"], "no such command 'shwo'", "--help"),
        (["top"], "stdin and stdout must be a terminal", "nagare query"),
        (["up", "--server", "http://127.0.0.1:1"], "cannot run up with --server", "nagare top --server"),
        (["hosts", "remove", "web1"], "nobody is here to confirm it", "--yes"),
        (["events", "add", "x", "--severity", "hihg"], "cannot use severity 'hihg'", "'high'"),
        (["config", "check", "--config", "/no/such.toml"], "there is no such file", ""),
    ],
)  # fmt: skip
def test_wrong_usage_is_2_with_a_way_out(arguments: list[str], said: str, hint: str) -> None:
    ended = nagare(*arguments)
    assert ended.returncode == 2, ended.stderr
    assert ended.stdout == ""
    first, *rest = ended.stderr.splitlines()
    assert first.startswith("nagare: ")
    assert said.lower() in first.lower()
    assert hint in "\n".join(rest)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [["--json", "qurey"], ["query", "--bogus", "--json"], ["query", "-o", "json"]])
def test_errors_are_problem_documents_when_json_is_asked_for(arguments: list[str]) -> None:
    ended = nagare(*arguments)
    problem = json.loads(ended.stderr)
    assert problem["code"] == "input-invalid"
    assert problem["type"] == "problems#input-invalid"
    assert problem["detail"].startswith("cannot ")
    assert ended.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["query", "select 1"], 3),
        (["hosts"], 3),
        (["events", "list"], 3),
        (["tables"], 3),
        (["plot", "cpu.busy_ratio"], 3),
        (["config", "show", "no.such"], 5),
        (["doctor"], 0),
        (["config", "check"], 0),
    ],
)
def test_without_an_installation_the_status_tells(arguments: list[str], status: int, tmp_path: Path) -> None:
    ended = nagare("--data", tmp_path / "none", *arguments)
    assert ended.returncode == status, ended.stderr
    assert not (tmp_path / "none").exists(), "a question must not begin an installation"


def test_a_mistyped_format_gets_its_nearest() -> None:
    assert "did you mean 'json'?" in nagare("query", "select 1", "-o", "jsn").stderr


def test_global_options_stand_before_or_behind_the_command(tmp_path: Path) -> None:
    before = nagare("--data", tmp_path, "-o", "json", "config", "show", "data")
    behind = nagare("config", "show", "data", "--data", tmp_path, "-o", "json")
    assert json.loads(before.stdout) == json.loads(behind.stdout) == [{"key": "data", "value": str(tmp_path)}]


def test_config_show_tells_origins(tmp_path: Path) -> None:
    (tmp_path / "nagare.toml").write_text("[query]\nthreads = 3\n")
    ended = nagare("config", "show", "query", "--origin", cwd=tmp_path, environment={"NAGARE_QUERY__CONCURRENCY": "7"})
    rows = {row["key"]: (row["value"], row["origin"]) for row in json.loads(ended.stdout)}
    assert rows["query.threads"] == (3, f"{tmp_path / 'nagare.toml'} line 2")
    assert rows["query.concurrency"] == (7, "environment NAGARE_QUERY__CONCURRENCY")
    assert rows["query.row_limit"][1] == "default"


def test_config_init_begins_a_file_once(tmp_path: Path) -> None:
    assert nagare("config", "init", cwd=tmp_path).returncode == 0
    assert nagare("config", "check", cwd=tmp_path).returncode == 0
    again = nagare("config", "init", cwd=tmp_path)
    assert again.returncode == 7
    assert "--force" in again.stderr
    assert nagare("config", "init", "--force", cwd=tmp_path).returncode == 0
    assert nagare("config", "init", "-").stdout == (tmp_path / "nagare.toml").read_text()


def test_config_check_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "nagare.toml").write_text("[server]\nlisen = 1\n")
    ended = nagare("config", "check", cwd=tmp_path)
    assert ended.returncode == 2
    assert f"{tmp_path / 'nagare.toml'} line 2" in ended.stderr
    assert "did you mean 'listen'?" in ended.stderr


def test_a_reader_that_goes_away_is_no_error_text() -> None:
    child = subprocess.Popen(
        nagare_argv("config", "schema"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=child_environment()
    )
    assert child.stdout
    assert child.stderr
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    assert child.wait(30) == 141
    assert said == b""


def test_an_interrupt_is_130() -> None:
    # It waits for its statement on stdin.
    child = subprocess.Popen(
        nagare_argv("query", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=child_environment(),
    )  # fmt: skip
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and "pipe" not in _waits_in(child.pid):
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130
    assert b"Traceback" not in said


def _waits_in(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/wchan").read_text()
    except OSError:
        return ""


def test_a_bug_is_70_and_tells_its_place_only_when_asked(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from nagare.cli import version\n"
        "version.versions = lambda: 1 / 0\n"
        "from nagare.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    for words, has_trace in ((["version"], False), (["version", "--debug"], True)):
        ended = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, env=child_environment()
        )
        assert ended.returncode == 70
        assert ("Traceback" in ended.stderr) is has_trace
        assert "a bug of ours" in ended.stderr


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        ("PermissionError(13, 'Permission denied', '/srv/x')", 6, "cannot use /srv/x: permission denied"),
        ("OSError(5, 'Input/output error', '/srv/x')", 9, "cannot use /srv/x: input/output error"),
        (
            "IsADirectoryError(21, 'Is a directory', '/srv/.x.tmp', None, '/srv/x')",
            9,
            "cannot use /srv/x: is a directory",
        ),
        ("OSError(5, 'Input/output error')", 70, "a bug of ours"),
    ],
)
def test_what_the_system_refuses_is_no_bug(fault: str, status: int, said: str) -> None:
    code = (
        "import sys\n"
        "from nagare.cli import version\n"
        f"def fail(): raise {fault}\n"
        "version.versions = fail\n"
        "from nagare.cli.main import main\n"
        "sys.exit(main(['version']))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=child_environment()
    )
    assert ended.returncode == status
    assert said in ended.stderr


def test_doctor_finds_what_is_wrong(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    ended = nagare("doctor", "-o", "json", "--data", data)
    checks = {row["check"]: row for row in json.loads(ended.stdout)}
    assert ended.returncode == 1
    assert checks["data directory"]["verdict"] == "bad"
    assert checks["data directory"]["mend"] == f"run: chmod 700 {data}"
    data.chmod(0o700)
    assert nagare("doctor", "--data", data).returncode == 0
    broken = nagare("doctor", "-o", "table", environment={"NAGARE_QUERY__THREADS": "many"})
    assert broken.returncode == 1
    assert "bad   configuration" in broken.stdout
    assert "NAGARE_QUERY__THREADS" in broken.stdout


def test_completion_is_printed_and_answers(tmp_path: Path) -> None:
    shown = nagare("--show-completion", "bash", environment={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert "_NAGARE_COMPLETE=complete_bash" in shown.stdout
    for line, expected in (("nagare qu", "query"), ("nagare hosts la", "label"), ("nagare query --si", "--since")):
        words = line.split(" ")
        offered = nagare(
            environment={"_NAGARE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        )
        assert offered.stdout.split() == [expected], offered.stderr
    run = tmp_path / "run"
    run.mkdir()
    (run / "tables.json").write_text('{"influx.mqtt": {"watts": "power"}}')
    sql = f'nagare --data {tmp_path} query "select * from influx'
    offered = nagare(environment={"_NAGARE_COMPLETE": "complete_bash", "COMP_WORDS": sql, "COMP_CWORD": "4"})
    assert offered.stdout.strip() == "select * from influx.mqtt"
    sql = 'nagare query "select * from disk_'
    offered = nagare(environment={"_NAGARE_COMPLETE": "complete_bash", "COMP_WORDS": sql, "COMP_CWORD": "2"})
    assert offered.stdout.strip() == "select * from disk_io"


def test_no_validation_library_is_loaded_for_an_option(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from nagare.cli.main import main\n"
        "main(['--data', '/none', 'config', 'show', 'data', '-o', 'json'])\n"
        "main(['query', 'x', '--limit', '5', '-p', 'a=1', '--data', '/none'])\n"
        "print([name for name in ('pydantic', 'rich') if name in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_streams_are_utf_8_in_a_pipe_whatever_the_locale(tmp_path: Path) -> None:
    latin = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    ended = subprocess.run(
        nagare_argv("config", "show", "data", "--data", "/none/流れ"), capture_output=True, check=True,
        env=child_environment(**{**latin, "PYTHONUTF8": "1"}),
    )  # fmt: skip
    assert json.loads(ended.stdout.decode("utf-8")) == [{"key": "data", "value": "/none/流れ"}]


def test_an_argument_that_is_no_text_is_wrong_usage(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*nagare_argv("events", "add"), b"caf\xe9", "--server", "http://127.0.0.1:9"], capture_output=True, check=False,
        env=child_environment(),
    )  # fmt: skip
    assert ended.returncode in (2, 3), ended.stderr
    assert b"Traceback" not in ended.stderr
