"""What people do with hosts from the command line: groups, notes, maintenance windows and gaps, well and ill."""

import csv
import io
import json
import os
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import warm
from tests.support.processes import RunningServer, child_environment, nagare_argv, serving, wait_until

# Steers a terminal, breaks a line, reorders what a person reads, and hides text.
FOREIGN = "disk\x1b[2J\x1b]0;owned\x07 new\nline \u202eyad\u202c a\u200bb \x9b31m"
HARMFUL = ("\x1b", "\x07", "\x9b", "\u202e", "\u202c", "\u200b", "\r")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """An installation with two hosts that no agent serves."""
    root = tmp_path_factory.mktemp("upkeep")
    # The guards of single tests are not yet up here.
    homes = {name: str(root / "home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    with serving(root / "data", environment=child_environment(**homes)) as running:
        for name in ("web1", "db1"):
            running.register(name)
        nagare(running, "hosts", "label", "web1", "group=web,lab")
        nagare(running, "hosts", "label", "db1", "group=lab")
        yield running


def nagare(server: RunningServer, *words: str, status: int = 0) -> str:
    """Return stdout of a command, or stderr where it is to fail; fail when it ends otherwise than with ``status``."""
    ended = warm.run(
        nagare_argv("--data", server.data, *words), capture_output=True, check=False, timeout=60,
        env=child_environment(),
    )  # fmt: skip
    assert ended.returncode == status, ended.stderr.decode()
    return (ended.stdout if status == 0 else ended.stderr).decode()


def objects(server: RunningServer, *words: str) -> Any:
    """Return what a command says in JSON."""
    return json.loads(nagare(server, *words, "-o", "json"))


def fails(server: RunningServer, status: int, *words: str) -> str:
    """Return how a command fails: one plain error, no traceback, and in JSON the same as a problem document."""
    said = nagare(server, *words, status=status)
    assert said.startswith("nagare: cannot "), said
    assert "Traceback" not in said
    problem = json.loads(nagare(server, *words, "-o", "json", status=status))
    assert f"nagare: {problem['detail']}" in said
    assert (f"hint: {problem['hint']}" in said) if problem.get("hint") else "hint:" not in said
    return said


def test_groups_are_listed_in_every_form(server: RunningServer) -> None:
    assert objects(server, "hosts", "groups") == [
        {"group": "lab", "text": "", "count": 2, "hosts": ["db1", "web1"]},
        {"group": "web", "text": "", "count": 1, "hosts": ["web1"]},
    ]
    lines = nagare(server, "hosts", "groups", "-o", "table").splitlines()
    assert [line.split() for line in lines] == [
        ["group", "text", "count", "hosts"],
        ["lab", "2", "db1", "web1"],
        ["web", "1", "web1"],
    ]
    rows = list(csv.DictReader(io.StringIO(nagare(server, "hosts", "groups", "-o", "csv"))))
    assert rows[0] == {"group": "lab", "text": "", "count": "2", "hosts": '["db1","web1"]'}


def test_a_note_is_written_listed_and_removed(server: RunningServer) -> None:
    [made] = objects(server, "hosts", "note", "web1", "the left power supply was changed")
    assert (made["text"], made["author"]) == ("the left power supply was changed", "local")
    assert made["at"].endswith("Z")
    newest = objects(server, "hosts", "note", "web1", "and the right one")
    assert [note["text"] for note in newest] == ["and the right one", "the left power supply was changed"]
    table = nagare(server, "hosts", "note", "web1", "-o", "table").splitlines()
    assert table[0].split() == ["at", "author", "text", "id"]
    assert newest[0]["id"] in table[1]
    left = objects(server, "hosts", "note", "web1", "--remove", newest[0]["id"])
    assert [note["id"] for note in left] == [made["id"]]
    nagare(server, "hosts", "note", "web1", "--remove", made["id"])
    assert objects(server, "hosts", "note", "web1") == []
    assert nagare(server, "hosts", "note", "web1", "-o", "table").split() == ["at", "author", "text", "id"]


def test_notes_that_cannot_be(server: RunningServer) -> None:
    assert "'nobody'" in fails(server, 5, "hosts", "note", "nobody", "text")
    assert "hint: did you mean 'web1'?" in fails(server, 5, "hosts", "note", "wbe1")
    assert "1 to 1000 characters" in fails(server, 2, "hosts", "note", "web1", "x" * 1001)
    assert "none of that id" in fails(server, 5, "hosts", "note", "web1", "--remove", "0" * 32)
    assert "NAME" in nagare(server, "hosts", "note", status=2)
    assert objects(server, "hosts", "note", "web1") == []


@pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv"])
def test_foreign_text_in_a_note_is_printed_harmlessly(server: RunningServer, form: str) -> None:
    nagare(server, "hosts", "note", "db1", FOREIGN)
    shown = nagare(server, "hosts", "note", "db1", "-o", form)
    assert not [mark for mark in HARMFUL if mark in shown.replace("\r\n", "\n")]
    assert "␛[2J␛]0;owned␇ new line" in shown
    details = nagare(server, "hosts", "show", "db1", "-o", "table")
    assert not [mark for mark in HARMFUL if mark in details]
    for note in objects(server, "hosts", "note", "db1"):
        nagare(server, "hosts", "note", "db1", "--remove", note["id"])


def test_foreign_text_in_an_error_is_printed_harmlessly(server: RunningServer) -> None:
    for words in (("note", FOREIGN), ("gaps", FOREIGN), ("maintenance", "--end", FOREIGN)):
        said = nagare(server, "hosts", *words, status=5)
        assert not [mark for mark in HARMFUL if mark in said], repr(said)
    said = nagare(server, "hosts", "maintenance", "web1", "--for", "1h", "--why", FOREIGN, status=2)
    assert not [mark for mark in HARMFUL if mark in said], repr(said)


def test_a_window_is_made_listed_seen_and_ended(server: RunningServer) -> None:
    [made] = objects(server, "hosts", "maintenance", "web1", "--for", "2h", "--why", "new disks")
    assert (made["state"], made["hosts"], made["why"], made["made_by"]) == ("open", "web1", "new disks", "local")
    assert [host["maintenance"] for host in objects(server, "hosts")] == ["", "new disks"]
    listed = nagare(server, "hosts", "-o", "table").splitlines()
    assert "new disks" in next(line for line in listed if line.startswith("web1"))
    weekly = ("--at", "02:00", "--day", "sun", "--day", "mon", "--zone", "Europe/Berlin", "--for", "1h")
    [again] = objects(server, "hosts", "maintenance", "--group", "lab", *weekly, "--why", "backups")
    assert (again["hosts"], again["recurs"]) == ("group:lab", "mon,sun 02:00 Europe/Berlin for 3600 s")
    [later] = objects(
        server, "hosts", "maintenance", "--label", "role=db", "--label", "rack=b7",
        "--from", "2099-01-01T00:00Z", "--until", "2099-01-02T00:00Z", "--why", "the move",
    )  # fmt: skip
    assert (later["state"], later["hosts"]) == ("closed", "label:rack=b7,role=db")
    assert (later["from"], later["until"]) == ("2099-01-01T00:00:00.000Z", "2099-01-02T00:00:00.000Z")
    every = [made["id"], again["id"], later["id"]]
    assert [window["id"] for window in objects(server, "hosts", "maintenance")] == every
    assert len(nagare(server, "hosts", "maintenance", "-o", "table").splitlines()) == 4
    for count, id_ in enumerate(every, 1):
        assert len(objects(server, "hosts", "maintenance", "--end", id_)) == len(every) - count
    assert [host["maintenance"] for host in objects(server, "hosts")] == ["", ""]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("web1", "--for", "1h"), 2, "say why"),
        (("web1", "--why", "x"), 2, "say when it ends"),
        (("web1", "--why", "x", "--for", "soon"), 2, "soon"),
        (("web1", "--why", "x", "--at", "02:00"), 2, "hint: for example: --for 1h"),
        (("web1", "--why", "x", "--day", "sun"), 2, "hint: for example: --at 02:00"),
        (("web1", "--why", "x", "--for", "1h", "--at", "25:00"), 2, "time of the clock"),
        (("web1", "--why", "x", "--for", "1h", "--at", "02:00", "--zone", "Atlantis"), 2, "time zone"),
        (("web1", "--why", "x", "--for", "1h", "--at", "02:00", "--day", "someday"), 2, "mon, tue"),
        (("web1", "--why", "x", "--until", "2001-01-01T00:00Z"), 2, "after its beginning"),
        (("--label", "role", "--why", "x", "--for", "1h"), 2, "hint: for example: role=db"),
        (("--end", "0" * 32), 5, "none of that id"),
    ],
)
def test_windows_that_cannot_be(server: RunningServer, words: tuple[str, ...], status: int, said: str) -> None:
    assert said in fails(server, status, "hosts", "maintenance", *words)
    assert objects(server, "hosts", "maintenance") == []


def test_gaps_are_listed_and_told_apart(server: RunningServer) -> None:
    token = server.register("gone1")
    start_ms = time.time_ns() // 1_000_000 - 3_600_000
    for seq, (moment, boot) in enumerate([(0, "a"), (5_000, "a"), (10_000, "a"), (600_000, "b")], 1):
        row = {"ts": [start_ms + moment], "collector": ["agent"], "spool_batches": [0]}
        batch = {"v": 1, "host": "gone1", "boot": boot, "seq": seq if boot == "a" else 1, "tables": {"agent": row}}
        send(server, token, batch)
    found = wait_until(lambda: objects(server, "hosts", "gaps", "gone1"), "the gap", server.process)
    assert found[0]["kind"] in ("down", "late")
    settled = wait_until(
        lambda: [gap for gap in objects(server, "hosts", "gaps", "gone1") if gap["until"]], "its end", server.process
    )
    assert set(settled[0]) == {"kind", "from", "until"}
    assert settled[0]["from"] < settled[0]["until"]
    table = nagare(server, "hosts", "gaps", "gone1", "-o", "table").splitlines()
    assert table[0].split() == ["kind", "from", "until"]
    assert objects(server, "hosts", "gaps", "web1") == []
    nagare(server, "hosts", "remove", "gone1", "--yes")


def test_gaps_of_nobody(server: RunningServer) -> None:
    assert "hint: did you mean 'web1'?" in fails(server, 5, "hosts", "gaps", "web11")
    assert "NAME" in nagare(server, "hosts", "gaps", status=2)


@pytest.mark.parametrize(
    "words", [("groups",), ("note", "web1"), ("maintenance",), ("gaps", "web1")], ids=lambda words: str(words[0])
)
def test_without_a_server_or_without_the_right(server: RunningServer, words: tuple[str, ...], tmp_path: Any) -> None:
    (tmp_path / "nothing").mkdir()
    ended = warm.run(
        nagare_argv("--data", tmp_path / "nothing", "hosts", *words), capture_output=True, check=False, timeout=60,
        env=child_environment(),
    )  # fmt: skip
    assert ended.returncode == 3, ended.stderr
    assert b"hint:" in ended.stderr
    stranger = tmp_path / "stranger.token"
    stranger.write_text("nobody-knows-this")
    os.chmod(stranger, 0o600)
    environment = child_environment(NAGARE_CLIENT__TOKEN_FILE=str(stranger))
    argv = nagare_argv("--data", server.data, "hosts", *words)
    ended = warm.run(argv, capture_output=True, check=False, timeout=60, env=environment)
    assert ended.returncode == 6, ended.stderr


def send(server: RunningServer, token: str, batch: dict[str, Any]) -> None:
    """Send a batch as a host."""
    request = urllib.request.Request(
        f"{server.url}/api/v1/metrics/batch",
        data=json.dumps(batch).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30):
        pass
