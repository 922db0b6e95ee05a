"""``nagare kb`` on the files of an installation, while no server runs and where none ever did."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.processes import child_environment, nagare_argv


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A directory of one page."""
    folder = tmp_path / "runbooks"
    folder.mkdir()
    (folder / "kafka.md").write_text("# Consumer stuck\n\nThe consumer group of kafka makes no progress.\n")
    return folder


def _run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = nagare_argv("--data", tmp_path / "data", "kb", *words)
    environment = child_environment(HOME=str(tmp_path), NAGARE_KB__EMBEDDINGS="off")
    return warm.run(argv, capture_output=True, text=True, timeout=60, env=environment, check=False, cwd=tmp_path)


def test_pages_are_added_found_and_removed_without_a_server(tmp_path: Path, pages: Path) -> None:
    first = _run(tmp_path, "search", "disk full on web1", "-o", "json")
    assert first.returncode == 0, first.stderr
    assert {one["source"] for one in json.loads(first.stdout)} == {"shipped"}
    assert not (tmp_path / "data").exists()

    added = _run(tmp_path, "add", "runbooks")
    assert added.returncode == 0, added.stderr
    assert "1 pages (1 new" in added.stderr
    found = _run(tmp_path, "search", "kafka consumer group lags", "-k", "3", "-o", "json")
    passage = json.loads(found.stdout)[0]
    assert (passage["document"], passage["title"], passage["lines"]) == ("kafka.md", "Consumer stuck", "1-3")
    assert 0 < passage["score"] <= 1
    assert passage["file"] == str(pages / "kafka.md")

    (pages / "kafka.md").unlink()
    assert "1 gone" in _run(tmp_path, "sync").stderr
    assert [one["name"] for one in json.loads(_run(tmp_path, "list").stdout)] == ["shipped", "runbooks"]
    nothing = _run(tmp_path, "search", "who wrote the opera about a barber", "-o", "json")
    assert (json.loads(nothing.stdout), nothing.returncode) == ([], 0)
    assert _run(tmp_path, "remove", "runbooks").returncode == 0
    assert _run(tmp_path, "remove", "runbooks").returncode == 5
    assert _run(tmp_path, "add", "nowhere").returncode == 2
