"""Asking an installation from the command line: live, and from its files when nothing runs."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from nagare.metrics.schema import RECORD_TABLES
from tests.support import warm
from tests.support.processes import (
    Process,
    RunningServer,
    child_environment,
    collecting,
    nagare_argv,
    serving,
    wait_until,
)


def nagare(data: Path, *arguments: str, status: int = 0, stdin: str = "", **environment: str) -> str:
    """Return what a command wrote on stdout; fail when it ends otherwise than with ``status``."""
    ended = warm.run(
        nagare_argv("--data", data, *arguments), input=stdin.encode(), capture_output=True, check=False, timeout=60,
        env=child_environment(**environment),
    )  # fmt: skip
    assert ended.returncode == status, ended.stderr.decode()
    return (ended.stdout if status == 0 else ended.stderr).decode()


def _sampled(server: RunningServer, agent: Process) -> RunningServer:
    enough = "select count(user_ratio) >= 6 and (select count(*) > 0 from disk) from cpu"
    wait_until(lambda: server.sql(enough)[0][0], "samples", agent)
    return server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """An installation with samples of this machine, for tests that only ask; its queries end after two seconds."""
    root = tmp_path_factory.mktemp("shared")
    # The guards of single tests are not yet up here.
    homes = {name: str(root / "home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    environment = child_environment(
        **homes, NAGARE_AGENT__INTERVAL_SECONDS="1", NAGARE_QUERY__DEADLINE_SECONDS="2"
    )  # fmt: skip
    with (
        serving(root / "data", environment=environment) as server,
        collecting(server.data, environment=environment) as agent,
    ):
        yield _sampled(server, agent)


@pytest.fixture
def installation(running_server: RunningServer, running_agent: Process) -> RunningServer:
    """An installation with samples of this machine, for tests that change it."""
    return _sampled(running_server, running_agent)


def test_the_main_question_in_every_form(shared: RunningServer) -> None:
    data = shared.data
    rows = json.loads(nagare(data, "query", "select count(*) n from cpu", "-o", "json"))
    assert rows[0]["n"] > 0
    statement = (
        "select host, core, user_ratio, ts from cpu where core = 'all' and user_ratio is not null order by ts limit 2"
    )
    as_json = json.loads(nagare(data, "query", statement))
    assert set(as_json[0]) == {"host", "core", "user_ratio", "ts"}
    assert as_json[0]["ts"].endswith("Z")
    assert [json.loads(line) for line in nagare(data, "query", statement, "-o", "ndjson").splitlines()] == as_json
    as_csv = list(csv.DictReader(io.StringIO(nagare(data, "query", statement, "-o", "csv"))))
    assert [row["ts"] for row in as_csv] == [row["ts"] for row in as_json]
    assert [float(row["user_ratio"]) for row in as_csv] == [row["user_ratio"] for row in as_json]
    table = nagare(data, "query", statement, "-o", "table").splitlines()
    assert table[0].split() == ["host", "core", "user_ratio", "ts"]
    assert datetime.fromisoformat(table[1].split("  ")[-1].strip()) == datetime.fromisoformat(as_json[0]["ts"])


def test_files_answer_as_the_server_did(tmp_path: Path) -> None:
    statement = "select count(*) as n, min(ts) as first, max(ts) as last, count(distinct id) as ids from events"
    with serving(tmp_path / "data") as server:
        for index in range(5):
            nagare(server.data, "events", "add", f"note {index}")
        live = nagare(server.data, "query", statement)
        assert json.loads(live)[0]["n"] == 5
        tables = json.loads(nagare(server.data, "tables"))
        assert server.process.stop() == 0
    assert nagare(tmp_path / "data", "query", statement) == live
    offline = {row["table"] for row in json.loads(nagare(tmp_path / "data", "tables"))}
    # Records live with the server, but for the cold half of commands; every metric table is in the files.
    assert {row["table"] for row in tables} - offline == RECORD_TABLES - {"commands"}


def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        nagare(server.data, "events", "add", "before the cut")
        server.process.kill()
    rows = json.loads(nagare(tmp_path / "data", "query", "select text from events"))
    assert rows == [{"text": "before the cut"}]


def test_a_window_holds_for_every_table(running_server: RunningServer) -> None:
    data = running_server.data
    for ago in ("3h", "90m", "10m"):
        nagare(data, "events", "add", f"{ago} ago", "--at", ago)
    count = "select count(*) as n from events"
    assert json.loads(nagare(data, "query", count, "--since", "4h")) == [{"n": 3}]
    assert json.loads(nagare(data, "query", count, "--since", "2h")) == [{"n": 2}]
    assert json.loads(nagare(data, "query", count, "--since", "2h", "--until", "30m")) == [{"n": 1}]
    joined = "select count(*) as n from events a join events b on a.ts <= b.ts"
    assert json.loads(nagare(data, "query", joined, "--since", "2h")) == [{"n": 3}]


def test_parameters_stdin_and_files(shared: RunningServer, tmp_path: Path) -> None:
    data = shared.data
    assert json.loads(nagare(data, "query", "select $a as a, $b as b", "-p", "a=5", "-p", "b=it's")) == [
        {"a": 5, "b": "it's"}
    ]
    assert json.loads(nagare(data, "query", "-", stdin="select 7 as n")) == [{"n": 7}]
    file = tmp_path / "question.sql"
    file.write_text("select 8 as n")
    assert json.loads(nagare(data, "query", "--file", str(file))) == [{"n": 8}]


@pytest.mark.parametrize(
    ("statement", "status", "said"),
    [
        ("select * from cpuu", 2, "cpu"),
        ("select busy_rato from cpu", 2, "busy_ratio"),
        ("select * from read_text('/etc/passwd')", 2, "cannot"),
        ("copy cpu to '/tmp/x'", 2, "cannot"),
        ("set threads = 1", 2, "cannot"),
        ("select 1; select 2", 2, "cannot"),
        ("explain analyze copy (select 1) to '/tmp/x'", 2, "cannot"),
        ("select sum((a.range*b.range)%7) from range(100000) a, range(100000) b", 4, "cannot"),
    ],
)
def test_a_bad_statement_is_a_clear_error(shared: RunningServer, statement: str, status: int, said: str) -> None:
    error = nagare(shared.data, "query", statement, status=status)
    assert said in error
    assert error.startswith("nagare: cannot ")
    assert "Traceback" not in error
    assert json.loads(nagare(shared.data, "query", "select 1 as fine")) == [{"fine": 1}]


def test_a_plan_is_drawn_as_it_is(shared: RunningServer) -> None:
    drawn = nagare(shared.data, "query", "explain select count(*) from cpu", "-o", "table")
    assert len(drawn.splitlines()) > 3
    assert "explain_key" not in drawn


def test_what_weighs_on_the_store_is_counted(shared: RunningServer) -> None:
    counted = json.loads(nagare(shared.data, "query", "--cardinality", "--limit", "3"))
    assert counted[0]["by"] == "all"
    assert counted[0]["series"] >= sum(row["series"] for row in counted if row["by"] == "table") > 0
    nagare(shared.data, "query", "select 'secret' as hidden from range(2)")
    costs = json.loads(nagare(shared.data, "query", "--top-queries", "--limit", "10000"))
    assert {"select ? as hidden from range ( ? )": 2}.items() <= {
        row["statement"]: row["rows"] for row in costs
    }.items()
    assert "stand alone" in nagare(shared.data, "query", "select 1", "--cardinality", status=2)


def test_series_of_an_empty_installation_are_counted_from_its_files(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    found = nagare(tmp_path / "data", "query", "--cardinality", "-o", "csv")
    assert list(csv.reader(io.StringIO(found))) == [["by", "name", "series"], ["all", "", "0"]]
    assert "none is running" in nagare(tmp_path / "data", "query", "--top-queries", status=3)


def test_a_limit_is_told_on_stderr(shared: RunningServer) -> None:
    ended = warm.run(
        nagare_argv("--data", shared.data, "query", "select * from range(100) t(n)", "--limit", "3"),
        capture_output=True, text=True, check=False, timeout=60, env=child_environment(),
    )  # fmt: skip
    assert len(json.loads(ended.stdout)) == 3
    assert "only the first 3 rows" in ended.stderr


def test_hosts_are_listed_shown_labelled_and_removed(installation: RunningServer, running_agent: Process) -> None:
    data = installation.data
    (host,) = json.loads(nagare(data, "hosts"))
    assert host["state"] == "up"
    name = host["name"]
    assert json.loads(nagare(data, "hosts", "show", name))["name"] == name
    assert name in nagare(data, "hosts", "-o", "table")
    nagare(data, "hosts", "label", name, "role=db", "rack=7")
    labels = json.loads(nagare(data, "hosts", "label", name, "rack="))
    assert {"label": "role", "value": "db"} in labels
    assert "rack" not in {label["label"] for label in labels}
    assert "cannot" in nagare(data, "hosts", "show", "nobody", status=5)
    # An agent that still runs would register again.
    running_agent.stop()
    nagare(data, "hosts", "remove", name, "--yes")
    assert "cannot" in nagare(data, "hosts", "show", name, status=5)


def test_events_are_added_and_found(installation: RunningServer) -> None:
    data = installation.data
    name = json.loads(nagare(data, "hosts"))[0]["name"]
    nagare(data, "events", "add", "deployed \x1b[31m4.2", "--host", name, "--severity", "warning")
    (event,) = json.loads(nagare(data, "events", "list", "--kind", "note"))
    assert (event["kind"], event["severity"], event["host"]) == ("note", 1, name)
    assert event["text"] == "deployed \x1b[31m4.2"
    table = nagare(data, "events", "list", "--host", name, "-o", "table")
    assert "\x1b" not in table
    assert "warning" in table
    assert "agent.start" in table
    assert "not registered" in nagare(data, "events", "add", "x", "--host", "nobody", status=5)


def test_a_chart_in_three_forms(shared: RunningServer, tmp_path: Path) -> None:
    data = shared.data
    points = json.loads(nagare(data, "plot", "cpu.busy_ratio", "--since", "10m"))
    assert points
    assert {"ts", "host", "busy_ratio", "low", "high"} == set(points[0])
    assert all(0 <= point["low"] <= point["busy_ratio"] <= point["high"] <= 1 for point in points)
    text = nagare(data, "plot", "nagare_cpu_busy_ratio", "--since", "10m", "-o", "table", COLUMNS="90")
    assert "cpu.busy_ratio  core=all" in text
    assert "100%" in text
    plain = nagare(data, "plot", "disk.used_ratio", "--by", "mount", "-o", "table", "--ascii", "--width", "60")
    assert plain.isascii()
    png = tmp_path / "chart.png"
    nagare(data, "plot", "network.received_bytes_per_second", "--png", str(png))
    assert png.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert "busy_ratio" in nagare(data, "plot", "cpu.bsy_ratio", status=5)


def test_the_doctor_is_content(shared: RunningServer) -> None:
    checks: list[dict[str, Any]] = json.loads(nagare(shared.data, "doctor", "-o", "json"))
    bad = [check for check in checks if check["verdict"] == "bad"]
    assert bad == []
    assert {"server", "token", "store", "agent", "clock"} <= {check["check"] for check in checks}


def test_the_doctor_sees_a_wrong_token(shared: RunningServer, tmp_path: Path) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("not-a-token\n")
    wrong.chmod(0o600)
    checks = nagare(shared.data, "doctor", "-o", "json", status=1, NAGARE_CLIENT__TOKEN_FILE=str(wrong))
    assert checks == ""
    wrong.chmod(0o644)
    shown = warm.run(
        nagare_argv("--data", shared.data, "doctor", "-o", "table"), capture_output=True, text=True, check=False,
        env=child_environment(NAGARE_CLIENT__TOKEN_FILE=str(wrong)), timeout=60,
    )  # fmt: skip
    assert shown.returncode == 1
    assert f"chmod 600 {wrong}" in shown.stdout
