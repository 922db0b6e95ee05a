"""What the file does before anything of it runs: on the wrong machine, damaged, in somebody's folder, twice at once."""

import ast
import hashlib
import json
import os
import platform
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.bundles import launcher

CONTENT = {"lib/any/planted.py": b"WORD = 'planted'\n" * 40, "lib/any/deep/down.py": b""}


def pack(file: Path, **changed: Any) -> Path:
    """Write a file for this machine, with ``changed`` facts in its manifest."""
    manifest = {
        "version": "1.2.3",
        "arch": platform.machine(),
        "pythons": [f"3.{sys.version_info[1]}"],
        "glibc": [2, 5],
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()},
        **changed,
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for name, content in CONTENT.items():
            archive.writestr(name, content)
    return file


@pytest.fixture(autouse=True)
def kept_path() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before


def unpacked(data: Path) -> list[Path]:
    root = data / "agent" / "unpacked"
    return [path for path in root.iterdir() if path.name != "lock"] if root.exists() else []


def test_any_python_3_reads_it() -> None:
    ast.parse(Path(launcher.__file__).read_text(), feature_version=(3, 6))


def test_it_unpacks_once_into_a_folder_of_its_hash(tmp_path: Path) -> None:
    file = pack(tmp_path / "a.pyz")
    assert launcher.run(str(file), ["--data", str(tmp_path / "d")]) == ["agent", "--data", str(tmp_path / "d")]
    (folder,) = unpacked(tmp_path / "d")
    assert folder.name == hashlib.sha256(file.read_bytes()).hexdigest()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "lib/any/planted.py").read_bytes() == CONTENT["lib/any/planted.py"]
    stamp = folder.stat().st_mtime_ns
    launcher.run(str(file), [f"--data={tmp_path / 'd'}"])
    assert unpacked(tmp_path / "d")[0].stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pythons": ["3.99"]}, "needs CPython 3.99"),
        ({"arch": "pdp11"}, "for Linux on pdp11"),
        ({"glibc": [9, 9]}, "needs glibc 9.9"),
    ],
)
def test_another_machine_is_refused_before_anything_is_unpacked(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(launcher.Refusal, match=words):
        launcher.run(str(pack(tmp_path / "a.pyz", **changed)), ["--data", str(tmp_path / "d")])
    assert unpacked(tmp_path / "d") == []


def test_a_half_unpacked_folder_is_unpacked_again(tmp_path: Path) -> None:
    file, data = pack(tmp_path / "a.pyz"), tmp_path / "d"
    half = data / "agent" / "unpacked" / hashlib.sha256(file.read_bytes()).hexdigest()
    half.mkdir(parents=True, mode=0o700)
    (half.parent / ".new-left").mkdir()
    launcher.run(str(file), ["--data", str(data)])
    assert unpacked(data) == [half]
    assert (half / "lib/any/planted.py").exists()


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    file, data = pack(tmp_path / "a.pyz"), tmp_path / "d"
    (tmp_path / "elsewhere").mkdir()
    (data / "agent").mkdir(parents=True)
    (data / "agent" / "unpacked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(launcher.Refusal, match="no directory"):
        launcher.run(str(file), ["--data", str(data)])


def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path
    if os.geteuid() == 0:
        os.chown(theirs, 65534, 65534)
    else:
        theirs = Path("/usr")
    with pytest.raises(launcher.Refusal, match="another user"):
        launcher._check_own(str(theirs))


def test_many_at_once_unpack_one_folder(tmp_path: Path) -> None:
    file, data = pack(tmp_path / "a.pyz"), tmp_path / "d"
    (data / "agent" / "unpacked").mkdir(parents=True)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: launcher.run(str(file), ["--data", str(data)]), range(16)))
    assert len(unpacked(data)) == 1


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7), cut=st.booleans())
def test_damage_never_unpacks_other_contents(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int, *, cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(pack(folder / "a.pyz").read_bytes())
    place %= len(content)
    if cut:
        del content[place:]
    else:
        content[place] ^= 1 << bit
    (folder / "a.pyz").write_bytes(content)
    try:
        launcher.run(str(folder / "a.pyz"), ["--data", str(folder / "d")])
    except launcher.Refusal:
        assert unpacked(folder / "d") == []
        return
    (found,) = unpacked(folder / "d")
    files = {path for path in found.rglob("*") if path.is_file() and path.name != "complete"}
    # A flipped bit may rename a member in the manifest and the archive alike; what it holds stays what was packed.
    assert {path.read_bytes() for path in files} <= set(CONTENT.values())
