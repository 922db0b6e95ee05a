"""What a program that was killed left on the disk goes with the next one, and what lives stays."""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from nagare.automation.upkeep.leftovers import remove_leftovers
from nagare.config.places import Places
from nagare.lib.database_copy import copied
from nagare.lib.scratch import scratch
from tests.support import warm

NOW_MS = 1_760_000_000_000
COPIES = """
import os, signal, sys
from pathlib import Path
from nagare.lib.database_copy import copied
with copied(Path(sys.argv[1]), is_live=False) as copy:
    assert copy.stat().st_size > 0
    os.kill(os.getpid(), signal.SIGKILL)
"""
EXPORTS = """
import os, signal, sys
from pathlib import Path
from nagare.lib.scratch import Scratch
folder = Scratch(Path(sys.argv[1]), "export").make()
(folder / "a.csv").write_bytes(b"x")
os.kill(os.getpid(), signal.SIGKILL)
"""


def _killed(script: str, argument: Path, temporary: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    assert warm.run([sys.executable, "-c", script, str(argument)], env=environment).returncode == -9


def test_a_copy_of_a_database_that_a_killed_program_left(tmp_path: Path) -> None:
    file, temporary = tmp_path / "records.db", tmp_path / "tmp"
    temporary.mkdir()
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE t (a)")
    _killed(COPIES, file, temporary)
    (left,) = temporary.iterdir()
    assert (left / "records.db").stat().st_size > 0
    with copied(file, is_live=True, scratch=temporary) as copy:
        assert not left.exists()
        assert copy.exists()
    assert list(temporary.iterdir()) == []


def test_an_export_that_a_killed_server_left(tmp_path: Path) -> None:
    exports = Places(tmp_path).exports
    exports.mkdir(parents=True)
    _killed(EXPORTS, exports, tmp_path)
    (left,) = exports.iterdir()
    (exports / "kept.csv").write_bytes(b"x")
    assert remove_leftovers(tmp_path, None, NOW_MS) == [left.name]
    with scratch(exports, "export") as ours:
        assert remove_leftovers(tmp_path, None, NOW_MS) == []
        assert sorted(path.name for path in exports.iterdir()) == sorted([ours.name, "kept.csv"])
