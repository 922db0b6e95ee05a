"""Folders for a moment: they go with their block, or, when their process was killed, with the next one's."""

import fcntl
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nagare.lib.scratch import remove_dead, scratch


def test_a_folder_goes_with_its_block_and_others_that_live_stay(tmp_path: Path) -> None:
    with scratch(tmp_path, "copy") as first, scratch(tmp_path, "copy") as second:
        (second / "file").write_text("x")
        assert first != second
        assert remove_dead(tmp_path, "copy") == []
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_and_nothing_else(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from nagare.lib.scratch import scratch\n"
        "with scratch(Path(sys.argv[1]), 'copy') as folder:\n"
        "    (folder / 'large').write_bytes(b'x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    child = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert child.returncode == -9
    (left,) = tmp_path.iterdir()
    (tmp_path / ".other-1-x").mkdir()
    (tmp_path / "copy").mkdir()
    with scratch(tmp_path, "copy"):
        assert not left.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other-1-x", "copy"]


def test_what_somebody_holds_stays_whatever_process_it_names(tmp_path: Path) -> None:
    # As one in another container with this process's number has it; here nobody of that number began at that time.
    theirs = tmp_path / f".copy-{os.getpid()}.1-x"
    theirs.mkdir()
    descriptor = os.open(theirs, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert remove_dead(tmp_path, "copy") == []
    finally:
        os.close(descriptor)
    assert remove_dead(tmp_path, "copy") == [theirs.name]


def test_what_another_process_holds_stays_until_it_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from nagare.lib.scratch import scratch\n"
        "with scratch(Path(sys.argv[1]), 'copy') as folder:\n"
        "    print(folder.name, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    words = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert remove_dead(tmp_path, "copy") == []
        child.kill()
    assert remove_dead(tmp_path, "copy") == [name]


def test_who_makes_and_who_removes_at_one_time_never_meet(tmp_path: Path) -> None:
    over = threading.Event()

    def sweep() -> None:
        while not over.is_set():
            remove_dead(tmp_path, "copy")

    with ThreadPoolExecutor() as threads:
        swept = threads.submit(sweep)
        try:
            for _ in range(300):
                with scratch(tmp_path, "copy") as folder:
                    (folder / "file").write_text("x")
                    assert (folder / "file").exists()
        finally:
            over.set()
        swept.result()
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_looks_like_one_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / ".copy-x").symlink_to(tmp_path / "precious")
    assert remove_dead(tmp_path, "copy") == []
    assert (tmp_path / "precious").is_dir()
