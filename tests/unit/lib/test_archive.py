"""An archive is whole or refused: cut anywhere, flipped anywhere, or with what its manifest does not name."""

import io
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nagare.lib.archive import (
    BadArchiveError,
    check_archive,
    extract_archive,
    read_manifest,
    remove_abandoned,
    write_archive,
)

CONTENTS = {
    "records.db": b"r" * 3000,
    "metrics/cpu/date=2026-01-01/1-2-ab.parquet": bytes(range(256)) * 40,
    "empty": b"",
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    files = []
    for number, (name, content) in enumerate(CONTENTS.items()):
        (tmp_path / f"source{number}").write_bytes(content)
        files.append((name, tmp_path / f"source{number}"))
    write_archive(tmp_path / "a.tar", files, {"made_ms": 5})
    return tmp_path / "a.tar"


def test_what_was_written_comes_back(archive: Path, tmp_path: Path) -> None:
    assert check_archive(archive) == []
    assert read_manifest(archive).facts == {"made_ms": 5}
    assert archive.stat().st_mode & 0o777 == 0o600
    extract_archive(archive, tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in CONTENTS} == CONTENTS
    assert (tmp_path / "out" / "records.db").stat().st_mode & 0o777 == 0o600


def _damaged(archive: Path) -> bool:
    """Tell whether the archive is refused, or a file of it told as damaged."""
    try:
        return bool(check_archive(archive))
    except BadArchiveError:
        return True


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_flipped_bit_in_a_file_is_found(archive: Path, data: st.DataObject) -> None:
    whole = archive.read_bytes()
    with tarfile.open(archive) as tar:
        places = [range(m.offset_data, m.offset_data + m.size) for m in tar if m.size]
    place = data.draw(st.sampled_from([p for span in places for p in (span[0], span[-1], span[len(span) // 2])]))
    flipped = bytearray(whole)
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        archive.write_bytes(flipped)
        assert _damaged(archive)
    finally:
        archive.write_bytes(whole)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.floats(0, 0.9))
def test_a_cut_one_is_refused(archive: Path, part: float) -> None:
    whole = archive.read_bytes()
    with tarfile.open(archive) as tar:
        end = tar.getmembers()[-1].offset
    try:
        archive.write_bytes(whole[: round(part * end)])
        with pytest.raises(BadArchiveError):
            check_archive(archive)
    finally:
        archive.write_bytes(whole)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "not-named"])
def test_what_the_manifest_does_not_name_is_never_written(archive: Path, tmp_path: Path, name: str) -> None:
    with tarfile.open(archive) as tar, tarfile.open(tmp_path / "b.tar", "w") as other:
        member = tarfile.TarInfo(name)
        member.size = 4
        other.addfile(member, io.BytesIO(b"evil"))
        for one in tar:
            other.addfile(one, tar.extractfile(one))
    with pytest.raises(BadArchiveError, match="manifest"):
        extract_archive(tmp_path / "b.tar", tmp_path / "out")
    assert not list(tmp_path.rglob("evil"))


def test_a_link_is_refused(archive: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as tar, tarfile.open(tmp_path / "b.tar", "w") as other:
        link = tarfile.TarInfo("records.db")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        other.addfile(link)
        for one in tar:
            other.addfile(one, tar.extractfile(one))
    with pytest.raises(BadArchiveError):
        extract_archive(tmp_path / "b.tar", tmp_path / "out")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"x")
    with pytest.raises(FileNotFoundError):
        write_archive(tmp_path / "a.tar", [("good", tmp_path / "good"), ("gone", tmp_path / "gone")], {})
    assert [path.name for path in tmp_path.iterdir()] == ["good"]


def test_what_a_killed_writer_left_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from nagare.lib.archive import write_archive\n"
        "folder = Path(sys.argv[1])\n"
        "def kill(_bytes): os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_archive(folder / 'dead.tar', [('good', folder / 'good')], {}, kill)\n"
    )
    (tmp_path / "good").write_bytes(b"good")
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    (tmp_path / ".mine.tar.unfinished").write_bytes(b"of somebody else")
    seen: list[str] = []

    def look(_bytes: int) -> None:
        seen.extend(remove_abandoned(tmp_path, re.compile(r"(dead|alive)\.tar"), 2.0**40))

    assert remove_abandoned(tmp_path, re.compile(r"(dead|alive)\.tar"), 0.0) == []
    write_archive(tmp_path / "alive.tar", [("good", tmp_path / "good")], {}, look)
    assert seen == [".dead.tar.unfinished"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.tar.unfinished", "alive.tar", "good"]
