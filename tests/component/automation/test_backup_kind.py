"""The kinds backup and verify: which files stay, and what those that were killed left."""

import os
import queue
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from nagare.automation.workers.kinds import backup, verify
from nagare.automation.workers.main import Talk
from nagare.config.settings import QuerySettings
from nagare.wire.worker import Installation, Order

_DAY_MS = 86_400_000
_NOW_MS = 1_760_000_000_000


def _talk(tmp_path: Path, made_ms: int, arguments: dict[str, Any]) -> Talk:
    (tmp_path / "data").mkdir(exist_ok=True)
    installation = Installation(
        str(tmp_path / "data"), query=asdict(QuerySettings()), backup_directory=str(tmp_path / "backups")
    )
    order = Order(f"{made_ms:032x}"[::-1], made_ms, 0.0, "", arguments, installation)
    return Talk(order, lambda _frame: None, queue.Queue())


def _run(tmp_path: Path, made_ms: int, **arguments: Any) -> dict[str, Any]:
    return backup.run(arguments, _talk(tmp_path, made_ms, arguments))


def test_one_that_waited_longer_than_newer_ones_is_not_removed_by_itself(tmp_path: Path) -> None:
    newer = _run(tmp_path, _NOW_MS + _DAY_MS, keep=1)
    older = _run(tmp_path, _NOW_MS, keep=1)
    assert Path(older["path"]).stat().st_size == older["bytes"]
    assert older["removed"] == []
    assert _run(tmp_path, _NOW_MS + 2 * _DAY_MS, keep=1)["removed"] == [
        Path(older["path"]).name,
        Path(newer["path"]).name,
    ]


def test_of_one_second_the_one_that_was_made_first_goes_whatever_its_task_is_called(tmp_path: Path) -> None:
    second = _NOW_MS // 16_000 * 16_000
    made = [_run(tmp_path, second + ms, keep=2) for ms in (0xE, 0xF, 0x10)]
    names = [Path(one["path"]).name for one in made]
    assert names != sorted(names)
    assert [one["removed"] for one in made] == [[], [], names[:1]]


def test_what_killed_ones_left_is_removed_by_the_next_and_what_others_write_is_not(tmp_path: Path) -> None:
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=subprocess.PIPE, check=True)
    for name in ("backup", "verify"):
        (tmp_path / "data" / f".{name}-{int(child.stdout)}-x" / "records").mkdir(parents=True)
    names = ("nagare-20250101T000000Z-00000000.tar", "nagare-20250102T000000Z-00000000.tar", "mine.tar")
    left, fresh, foreign = [tmp_path / "backups" / f".{name}.unfinished" for name in names]
    left.parent.mkdir()
    for path in (left, fresh, foreign):
        path.write_bytes(b"x")
    for path in (left, foreign):
        os.utime(path, (1.0, 1.0))
    made = _run(tmp_path, _NOW_MS)
    assert {path.name for path in left.parent.iterdir()} == {Path(made["path"]).name, fresh.name, foreign.name}
    assert list((tmp_path / "data").glob(".*")) == []


def test_copies_stand_in_the_installation_and_not_where_nobody_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = _talk(tmp_path, _NOW_MS, {})
    with closing(sqlite3.connect(tmp_path / "data" / "records.db")) as database:
        database.execute("CREATE TABLE t (x)")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    found = verify.run({}, talk)
    assert found["findings"] == []
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["records.db"]
