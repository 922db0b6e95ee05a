"""The audit log as an operator meets it: listed, exported, verified without a server, and a forger found out."""

import contextlib
import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nagare.config.places import Places
from tests.support import warm
from tests.support.processes import RunningServer, child_environment, nagare_argv, serving, wait_until


def nagare(data: Path, *arguments: str, status: int = 0) -> str:
    """Return stdout and stderr of a command that must end with ``status``."""
    ended = warm.run(
        nagare_argv("--data", data, *arguments), capture_output=True, check=False, timeout=60, env=child_environment()
    )
    assert ended.returncode == status, (arguments, ended.stdout, ended.stderr)
    return (ended.stdout + ended.stderr).decode()


def _rewrite(data: Path) -> None:
    with contextlib.closing(sqlite3.connect(Places(data).records)) as database, database:
        database.execute("DROP TRIGGER audit_entries_no_update")
        database.execute("UPDATE audit_entries SET line = replace(line, 'web1', 'web9') WHERE seq = 1")


def test_a_log_is_listed_exported_and_verified(tmp_path: Path) -> None:
    data, export, head = tmp_path / "data", tmp_path / "audit.ndjson", tmp_path / "head.json"
    with serving(data) as server:
        server.register("web1")
        nagare(data, "events", "add", "a note", "--quiet")
        listed = json.loads(nagare(data, "audit", "list", "-o", "json"))
        assert [row["action"] for row in listed] == ["events.add", "hosts.register"]
        nagare(data, "audit", "export", str(export))
        nagare(data, "audit", "head", str(head))
        assert "the chain holds, the saved head matches" in nagare(data, "audit", "verify", "--head", str(head))
        nagare(data, "hosts", "remove", "web1", "--yes")
    assert "2 entries" in nagare(data, "audit", "verify", str(export), "--head", str(head))
    assert "3 entries" in nagare(data, "audit", "verify", "--head", str(head))
    forged = tmp_path / "forged"
    shutil.copytree(data, forged)
    _rewrite(forged)
    assert "entry 1: the entry, or the one before it, was changed" in nagare(
        forged, "audit", "verify", "-o", "table", status=1
    )
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join(lines[1:]))
    assert "entry 1: the entry is missing" in nagare(data, "audit", "verify", str(export), "-o", "table", status=1)
    export.write_bytes(b"no JSON\n")
    assert "line 1" in nagare(data, "audit", "verify", str(export), status=2)


def _label(server: RunningServer, number: int) -> bool:
    with contextlib.suppress(OSError):
        server.request("/api/v1/hosts/web1", {"labels": {"n": str(number)}}, method="PATCH")
        return True
    return False


def test_every_change_that_was_answered_is_on_record_after_kill_9(tmp_path: Path) -> None:
    data = tmp_path / "data"
    answered: list[int] = []
    with serving(data) as server:
        server.register("web1")

        def change(number: int) -> None:
            if _label(server, number):
                answered.append(number)

        with ThreadPoolExecutor(4) as pool:
            changes = [pool.submit(change, number) for number in range(200)]
            wait_until(lambda: len(answered) >= 40, "answered changes", server.process)
            server.process.kill()
            for each in changes:
                each.result()
    with serving(data):
        rows = json.loads(nagare(data, "audit", "list", "--action", "hosts.label", "-n", "1000", "-o", "json"))
    done = {int(row["after"]["labels"]["n"]) for row in rows if row["outcome"] == "done"}
    assert set(answered) <= done
    assert {row["outcome"] for row in rows} <= {"done", "unknown"}
    assert "the chain holds" in nagare(data, "audit", "verify")
