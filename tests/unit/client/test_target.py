import dataclasses
import os
from pathlib import Path

import pytest

from nagare.client.target import Target, find_target, read_token
from nagare.config.places import Places
from nagare.config.settings import ClientSettings, Settings
from nagare.errors import ConfigError, ConnectFailedError, PermissionDeniedError
from nagare.wire.codec import encode
from nagare.wire.system import ServerNote

# No Linux kernel gives out a pid above 2^22.
DEAD_PID = 2**22 + 7


def _write_token(path: Path, text: str = "s3cret\n", mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def _live_server(places: Places, *, url: str = "http://127.0.0.1:4000", pid: int | None = None, ca: str = "") -> None:
    places.run.mkdir(parents=True)
    places.server_note.write_bytes(encode(ServerNote(url, os.getpid() if pid is None else pid, ca)))
    _write_token(places.token)


def _with_client(settings: Settings, **client: object) -> Settings:
    return dataclasses.replace(settings, client=ClientSettings(**client))  # type: ignore[arg-type]


def test_the_installations_own_server_needs_no_configuration(settings: Settings, places: Places) -> None:
    _live_server(places, ca="/keys/ca.pem", url="https://127.0.0.1:4000")
    assert find_target(settings) == Target("https://127.0.0.1:4000", "s3cret", Path("/keys/ca.pem"))


def test_the_token_is_not_in_the_representation(settings: Settings, places: Places) -> None:
    _live_server(places)
    assert "s3cret" not in repr(find_target(settings))


def test_no_server_is_told_with_the_way_to_start_one(settings: Settings, places: Places) -> None:
    with pytest.raises(ConnectFailedError) as caught:
        find_target(settings)
    assert caught.value.message == f"cannot reach the server of {places.data}: none is running"
    assert caught.value.hint == "start it with: nagare up"


@pytest.mark.parametrize("pid", [DEAD_PID, 0, -1])
def test_the_note_of_a_dead_server_is_recognised(settings: Settings, places: Places, pid: int) -> None:
    _live_server(places, pid=pid)
    with pytest.raises(ConnectFailedError, match=f"it ended without a clean stop \\(pid {pid}\\)"):
        find_target(settings)


def test_a_live_process_of_another_user_counts_as_alive(settings: Settings, places: Places) -> None:
    _live_server(places, pid=1)
    assert find_target(settings).url == "http://127.0.0.1:4000"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"url": 1}'])
def test_a_damaged_note_is_told(settings: Settings, places: Places, content: bytes) -> None:
    _live_server(places)
    places.server_note.write_bytes(content)
    with pytest.raises(ConnectFailedError, match="does not read back"):
        find_target(settings)


def test_a_note_that_is_a_directory_is_told(settings: Settings, places: Places) -> None:
    places.server_note.mkdir(parents=True)
    with pytest.raises(ConnectFailedError, match="is a directory"):
        find_target(settings)


def test_a_note_of_another_user_is_told(settings: Settings, places: Places) -> None:
    _live_server(places)
    places.server_note.chmod(0)
    own = os.geteuid()
    if own == 0:
        os.seteuid(65534)  # root reads everything
    try:
        with pytest.raises(PermissionDeniedError, match="is not readable"):
            find_target(settings)
    finally:
        os.seteuid(own)


def test_a_configured_server_is_asked_with_the_configured_token(settings: Settings, tmp_path: Path) -> None:
    token = _write_token(tmp_path / "token", "other")
    configured = _with_client(settings, server="https://ops:8750", token_file=token, ca_file=tmp_path / "ca.pem")
    assert find_target(configured) == Target("https://ops:8750", "other", tmp_path / "ca.pem")


def test_the_local_token_is_never_shown_to_another_server(settings: Settings, places: Places) -> None:
    _live_server(places)
    assert find_target(_with_client(settings, server="http://elsewhere:4000")).token == ""
    assert find_target(_with_client(settings, server="http://127.0.0.1:4000/")).token == "s3cret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_token_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = _write_token(tmp_path / "token", mode=mode)
    with pytest.raises(ConfigError, match=f"others may read it \\(mode {mode:04o}\\)") as caught:
        read_token(path)
    assert caught.value.hint == f"chmod 600 {path}"


@pytest.mark.parametrize("text", ["", "\n", "two words", "a\nb", "\x1b[31m", "x" * 5000])
def test_a_file_without_a_token_is_told_and_its_content_is_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="it holds no token") as caught:
        read_token(_write_token(tmp_path / "token", text))
    assert "\x1b" not in caught.value.message


def test_a_missing_token_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_token(tmp_path / "token")
    with pytest.raises(ConfigError, match="is a directory"):
        read_token(tmp_path)


def test_a_note_whose_pid_went_to_a_stranger_is_left_over(settings: Settings, places: Places) -> None:
    _live_server(places)
    places.lock.touch()
    with pytest.raises(ConnectFailedError, match="it ended without a clean stop"):
        find_target(settings)
