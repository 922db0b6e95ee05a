"""Which version an agent becomes, told by the process that it leaves behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from nagare import __version__
from nagare.agent.update.start import came_up
from nagare.agent.update.state import Current, Report, UpdateFiles, digest_of

# Ends with what it became; 7 says that it stayed.
_STARTER = """
import sys
from pathlib import Path
from nagare.agent.update.start import become_current
from nagare.agent.update.state import UpdateFiles
become_current(UpdateFiles(Path(sys.argv[1])), ("--data", "x"))
sys.exit(7)
"""
_NEW = "import sys; print(sys.argv[1:]); sys.exit(9)"
NEWER, STAYED, BECAME = "90.0.0", 7, 9


@pytest.fixture
def files(tmp_path: Path) -> UpdateFiles:
    made = UpdateFiles(tmp_path / "agent" / "updates")
    made.prepare()
    return made


def keep(files: UpdateFiles, version: str = NEWER, previous: str = "", starts: int = 0) -> Current:
    """Make a small file the current version."""
    draft = files.file_of("draft")
    draft.write_text(_NEW)
    digest = digest_of(draft)
    draft.rename(files.file_of(digest))
    current = Current(version, digest, previous, starts)
    files.save_current(current)
    return current


def start(files: UpdateFiles) -> int:
    argv = [sys.executable, "-c", _STARTER, str(files.file_of("x").parent)]
    return subprocess.run(argv, check=False, timeout=60, capture_output=True).returncode


def test_nothing_kept_is_nothing_to_become(files: UpdateFiles) -> None:
    assert start(files) == STAYED


def test_a_newer_version_goes_before(files: UpdateFiles) -> None:
    keep(files)
    assert start(files) == BECAME
    kept = files.load_current()
    assert kept is not None
    assert kept.starts == 1


@pytest.mark.parametrize(("version", "previous"), [("0.0.1", "0.0.2"), (__version__, ""), (__version__, __version__)])
def test_an_older_one_and_the_same_do_not(files: UpdateFiles, version: str, previous: str) -> None:
    keep(files, version, previous)
    assert start(files) == STAYED


def test_an_older_one_that_was_taken_in_the_place_of_this_does(files: UpdateFiles) -> None:
    keep(files, "0.0.1", __version__)
    assert start(files) == BECAME


def test_a_file_that_is_damaged_or_gone_is_given_up(files: UpdateFiles) -> None:
    current = keep(files)
    files.save_report(Report("r.1", NEWER, "installed"))
    files.file_of(current.sha256).write_text("something else")
    assert start(files) == STAYED
    assert files.load_current() is None
    assert files.load_report() == Report("r.1", NEWER, "failed", "its file is gone or damaged")
    assert start(files) == STAYED


def test_three_starts_that_do_not_come_up_are_enough(files: UpdateFiles) -> None:
    keep(files)
    assert [start(files) for _ in range(5)] == [BECAME, BECAME, BECAME, STAYED, STAYED]
    report = files.load_report()
    assert report is not None
    assert report.outcome == "failed"


def test_one_that_came_up_begins_anew(files: UpdateFiles) -> None:
    keep(files, __version__, starts=2)
    came_up(files)
    kept = files.load_current()
    assert kept is not None
    assert kept.starts == 0


def test_damage_in_the_notes_leaves_the_installed_version(files: UpdateFiles) -> None:
    keep(files)
    (files.file_of("x").parent / "current.json").write_bytes(b"{")
    assert start(files) == STAYED
