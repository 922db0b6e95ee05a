"""Recordings are what players of asciicast v2 read, belong to their owner alone, and stop at their limit."""

import hashlib
import json
from pathlib import Path

import pytest

from nagare.errors import StorageError
from nagare.lib.clock import ManualClock
from nagare.ssh import recording as room
from nagare.ssh.recording import Recording


async def test_a_recording_holds_what_was_shown_and_when(tmp_path: Path) -> None:
    clock = ManualClock()
    recording = Recording(tmp_path / "casts", "web1", 80, 24, clock)
    await clock.advance(1.5)
    recording.wrote("hä".encode()[:2])
    recording.wrote("hä".encode()[2:] + b"\x1b[31m\r\n")
    recording.resized(100, 30)
    digest = recording.close()
    head, *events = [json.loads(line) for line in recording.path.read_text().splitlines()]
    assert head == {"version": 2, "width": 80, "height": 24, "timestamp": 1_760_000_000, "title": "web1"}
    assert events == [[1.5, "o", "h"], [1.5, "o", "ä\x1b[31m\r\n"], [1.5, "r", "100x30"]]
    assert digest == hashlib.sha256(recording.path.read_bytes()).hexdigest()
    assert recording.path.stat().st_mode & 0o777 == 0o600
    assert recording.path.parent.stat().st_mode & 0o777 == 0o700


def test_two_recordings_of_one_second_and_a_host_with_slashes(tmp_path: Path) -> None:
    clock = ManualClock()
    one, two = Recording(tmp_path, "../x", 80, 24, clock), Recording(tmp_path, "../x", 80, 24, clock)
    assert one.path != two.path
    assert {path.parent for path in (one.path, two.path)} == {tmp_path}
    one.close()
    two.close()


def test_a_flood_stops_the_recording_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LIMIT_BYTES", 1000)
    recording = Recording(tmp_path, "web1", 80, 24, ManualClock())
    for _ in range(100):
        recording.wrote(b"x" * 100)
    recording.close()
    assert recording.is_cut
    assert recording.path.stat().st_size < 2000
    assert "stops" in recording.path.read_text().splitlines()[-1]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot record the shell"):
        Recording(tmp_path / "file" / "casts", "web1", 80, 24, ManualClock())
