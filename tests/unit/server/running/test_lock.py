import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nagare.errors import LockedError
from nagare.server.running import lock
from nagare.server.running.lock import InstallationLock

_HOLD = """
import sys
from pathlib import Path
from nagare.server.running.lock import InstallationLock
with InstallationLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with InstallationLock(path):
        assert path.read_text().strip() == str(os.getpid())
        with pytest.raises(LockedError, match=str(os.getpid())), InstallationLock(path):
            pass
        assert path.read_text().strip() == str(os.getpid())
    assert path.read_text() == ""
    with InstallationLock(path):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match=str(holder.pid)), InstallationLock(path):
            pass
        holder.kill()
        holder.wait()
    with InstallationLock(path):
        assert path.read_text().strip() == str(os.getpid())


def test_a_start_waits_for_who_reads_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    path.write_text("4711")
    with path.open() as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        monkeypatch.setattr("nagare.server.running.lock.time.sleep", lambda _: fcntl.flock(reader, fcntl.LOCK_UN))
        with InstallationLock(path):
            assert path.read_text().strip() == str(os.getpid())


def test_a_reader_without_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    path.touch()
    monkeypatch.setattr(lock, "_READERS_SECONDS", 0.0)
    with path.open() as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        with pytest.raises(LockedError, match="a command still reads the files"), InstallationLock(path):
            pass
